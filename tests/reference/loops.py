"""The network written out connection by connection, in plain Python: what the engine is judged by.

Nothing here comes from `lenet_helpers`. A stage is a list of units, a unit is a list of connections, and a
connection is a pair (j, k): it brings the state x_j, weighted by w_k. Every rule of the paper is one loop:

    forward   a_i = sum over the unit's connections of w_k x_j,  x_i = f(a_i)             (Eq. 5 and 6)
    first     dE/dw_k = sum over V_k of dE/da_i x_j                                       (Eq. 19)
    second    h_k = mean over patterns of the sum over V_k of d2E/da_i2 x_j^2             (Eq. 23 to 25)
              d2E/da_i2 = f'(a_i)^2 sum over the units k fed by i of u_ki^2 d2E/da_k2     (Eq. 27)

V_k is the set of connections that share w_k. A subsampling unit has five connections: its four inputs and its bias.
So the paper counts 5,880 connections into S2 and 2,000 into S4. But the four inputs are added before the coefficient
multiplies (Sec. II-B): for h the coefficient is the weight of one connection, and its x_j is the sum. The authors' code
squares the sum too, and with it two passes end at 2.7% test error; with four squares added, at 5.5%.
"""

import math
from dataclasses import dataclass, field

import numpy as np

AMPLITUDE, SLOPE = 1.7159, 2 / 3  # App. A
BIAS = -1  # the source of a bias: the constant 1 put behind the last state

TABLE_I = (  # C3 map -> the S2 maps it sees
    {0, 1, 2}, {1, 2, 3}, {2, 3, 4}, {3, 4, 5}, {0, 4, 5}, {0, 1, 5},
    {0, 1, 2, 3}, {1, 2, 3, 4}, {2, 3, 4, 5}, {0, 3, 4, 5}, {0, 1, 4, 5}, {0, 1, 2, 5},
    {0, 1, 3, 4}, {1, 2, 4, 5}, {0, 2, 3, 5}, {0, 1, 2, 3, 4, 5},
)  # fmt: skip


def squash(a):
    """Eq. 6."""
    return AMPLITUDE * math.tanh(SLOPE * a)


def squared_distance(x, code):
    return sum((s - c) ** 2 for s, c in zip(x, code, strict=True))


def squash_slope(a):
    """The derivative of Eq. 6."""
    return AMPLITUDE * SLOPE / math.cosh(SLOPE * a) ** 2


@dataclass
class Stage:
    """Units that add up weighted states. `units[i]` lists the (j, k) of unit i; w is one flat list."""

    name: str
    units: list
    shapes: dict  # parameter -> shape
    out_shape: tuple  # (maps, rows, columns)
    w: list = field(default_factory=list)

    def load(self, arrays):
        """Take the weights from arrays by parameter name."""
        self.w = []
        for parameter, shape in self.shapes.items():
            array = np.asarray(arrays[parameter], dtype=np.float64)
            assert array.shape == shape, (self.name, parameter, array.shape, shape)
            self.w += array.reshape(-1).tolist()

    def by_parameter(self, flat):
        """Cut a flat list of one number a weight into arrays by parameter name."""
        cut, start = {}, 0
        for parameter, shape in self.shapes.items():
            size = math.prod(shape)
            cut[parameter] = np.array(flat[start : start + size]).reshape(shape)
            start += size
        assert start == len(flat)
        return cut

    def forward(self, x):
        """The sums a_i."""
        x, w = [*x, 1.0], self.w
        return [sum([w[k] * x[j] for j, k in unit]) for unit in self.units]

    def first(self, x, signal):
        """From dE/da_i: (dE/dx_j, dE/dw_k)."""
        x, w = [*x, 1.0], self.w
        dx, dw = [0.0] * len(x), [0.0] * len(w)
        for d, unit in zip(signal, self.units, strict=True):
            for j, k in unit:
                dw[k] += d * x[j]
                dx[j] += d * w[k]
        return dx[:-1], dw

    def second(self, x, signal):
        """From d2E/da_i2: (d2E/dx_j2, the sum over V_k of d2E/du_ij2)."""
        x, w = [*x, 1.0], self.w
        ddx, ddw = [0.0] * len(x), [0.0] * len(w)
        for dd, unit in zip(signal, self.units, strict=True):
            state = dict.fromkeys((k for _, k in unit), 0.0)  # only a coefficient has more than one input in a unit
            for j, k in unit:
                state[k] += x[j]
                ddx[j] += dd * w[k] * w[k]
            for k, total in state.items():
                ddw[k] += dd * total * total
        return ddx[:-1], ddw

    def counts(self):
        """(trainable parameters, connections)."""
        return sum(math.prod(shape) for shape in self.shapes.values()), sum(len(unit) for unit in self.units)


def convolution(name, in_shape, out_maps, kernel, table=None):
    """A convolution. `table`: the set of input maps of each output map; None connects all."""
    in_maps, rows, columns = in_shape
    sees = table or [set(range(in_maps))] * out_maps
    pairs = [(m, s) for m in range(out_maps) for s in sorted(sees[m])]
    number = {pair: n for n, pair in enumerate(pairs)}
    size, out_rows, out_columns = kernel * kernel, rows - kernel + 1, columns - kernel + 1
    units = []
    for m in range(out_maps):
        for r in range(out_rows):
            for c in range(out_columns):
                unit = [
                    ((s * rows + r + u) * columns + c + v, number[m, s] * size + u * kernel + v)
                    for s in sorted(sees[m])
                    for u in range(kernel)
                    for v in range(kernel)
                ]
                units.append([*unit, (BIAS, len(pairs) * size + m)])
    weight = (len(pairs), kernel, kernel) if table else (out_maps, in_maps, kernel, kernel)
    return Stage(name, units, {"weight": weight, "bias": (out_maps,)}, (out_maps, out_rows, out_columns))


def subsampling(name, in_shape):
    """The sum of 2x2 states times the map's coefficient, plus the map's bias (Sec. II-B)."""
    maps, rows, columns = in_shape
    square = [(u, v) for u in (0, 1) for v in (0, 1)]
    units = [
        [((m * rows + 2 * r + u) * columns + 2 * c + v, m) for u, v in square] + [(BIAS, maps + m)]
        for m in range(maps)
        for r in range(rows // 2)
        for c in range(columns // 2)
    ]
    return Stage(name, units, {"coefficient": (maps,), "bias": (maps,)}, (maps, rows // 2, columns // 2))


def full_connection(name, in_shape, out_units):
    """Every unit sees every input; over a larger field the same units stand at every position (Sec. VII)."""
    inputs, rows, columns = in_shape
    area = rows * columns
    units = [
        [(j * area + p, i * inputs + j) for j in range(inputs)] + [(BIAS, out_units * inputs + i)]
        for i in range(out_units)
        for p in range(area)
    ]
    shapes = {"weight": (out_units, inputs), "bias": (out_units,)}
    return Stage(name, units, shapes, (out_units, rows, columns))


class Network:
    """Stages, a squash after each, and RBF units y_i = scale sum_j (x_j - code_ij)^2 on the last (Eq. 7)."""

    def __init__(self, stages, codes, scale):
        self.stages, self.codes, self.scale = stages, np.asarray(codes, dtype=np.float64).tolist(), scale

    def load(self, arrays):
        """Take every weight from a dict "stage.parameter" -> array."""
        for stage in self.stages:
            stage.load({p: arrays[f"{stage.name}.{p}"] for p in stage.shapes})
        return self

    def run(self, pattern):
        """One pattern: the list of every stage's (input states, sums), and the last states."""
        x, trace = np.asarray(pattern, dtype=np.float64).reshape(-1).tolist(), []
        for stage in self.stages:
            a = stage.forward(x)
            trace.append((x, a))
            x = [squash(value) for value in a]
        return trace, x

    def positions(self, x):
        """The last states by position of the field: a list of lists of len(code)."""
        area = len(x) // len(self.codes[0])
        return [x[p::area] for p in range(area)]

    def penalties(self, pattern):
        """(classes, positions) of Eq. 7."""
        places = self.positions(self.run(pattern)[1])
        return np.array([[self.scale * squared_distance(x, code) for x in places] for code in self.codes])

    def first_derivatives(self, pattern, dy):
        """One pattern, dE/dy of shape (classes, positions): dE/dinput flat, and {name: dE/dw}."""
        trace, x = self.run(pattern)
        places, size = self.positions(x), len(self.codes[0])
        signal = [
            sum(2 * self.scale * (place[j] - code[j]) * dy[i][p] for i, code in enumerate(self.codes))
            for j in range(size)
            for p, place in enumerate(places)
        ]
        found = {}
        for stage, (x, a) in zip(reversed(self.stages), reversed(trace), strict=True):
            signal = [s * squash_slope(value) for s, value in zip(signal, a, strict=True)]
            signal, dw = stage.first(x, signal)
            found |= {f"{stage.name}.{p}": value for p, value in stage.by_parameter(dw).items()}
        return np.array(signal), found

    def curvature(self, patterns, seeds=None):
        """{name: h}, the mean over patterns.

        seeds: for each pattern, d2E/dx2 of its last states; None is 2 scale for each, whatever the loss.
        """
        total = {}
        for i, pattern in enumerate(patterns):
            trace, x = self.run(pattern)
            signal = [2 * self.scale] * len(x) if seeds is None else np.asarray(seeds[i]).reshape(-1).tolist()
            for stage, (x, a) in zip(reversed(self.stages), reversed(trace), strict=True):
                signal = [s * squash_slope(value) ** 2 for s, value in zip(signal, a, strict=True)]
                signal, ddw = stage.second(x, signal)
                for p, value in stage.by_parameter(ddw).items():
                    name = f"{stage.name}.{p}"
                    total[name] = total.get(name, 0) + value / len(patterns)
        names = [f"{stage.name}.{p}" for stage in self.stages for p in stage.shapes]
        return {name: total[name] for name in names}


def lenet5(codes, scale=0.5, rows=32, columns=32):
    """LeNet-5 of Fig. 2, unit by unit, over any field the stages fit on."""
    c1 = convolution("c1", (1, rows, columns), 6, 5)
    s2 = subsampling("s2", c1.out_shape)
    c3 = convolution("c3", s2.out_shape, 16, 5, TABLE_I)
    s4 = subsampling("s4", c3.out_shape)
    c5 = convolution("c5", s4.out_shape, 120, 5)
    f6 = full_connection("f6", c5.out_shape, 84)
    return Network([c1, s2, c3, s4, c5, f6], codes, scale)


SMALL_TABLE = ({0}, {1}, {0, 1})


def small_network(codes, scale=0.5, rows=14, columns=14):
    """The same stages with 2, 3, 4 maps and 5 units; a field of 14x14 gives one output."""
    c1 = convolution("c1", (1, rows, columns), 2, 3)
    s2 = subsampling("s2", c1.out_shape)
    c3 = convolution("c3", s2.out_shape, 3, 3, SMALL_TABLE)
    s4 = subsampling("s4", c3.out_shape)
    c5 = convolution("c5", s4.out_shape, 4, 2)
    f6 = full_connection("f6", c5.out_shape, 5)
    return Network([c1, s2, c3, s4, c5, f6], codes, scale)
