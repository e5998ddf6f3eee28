"""The network as an ONNX file, for those who want to run it elsewhere."""

import json

import torch

from .files import write_whole
from .layers import AMPLITUDE, STEEPNESS
from .model import FIELD, TABLE_I

OPSET, IR_VERSION = 17, 8  # as old as the operations allow, so that older runtimes read the file


class MissingPackageError(ImportError):
    """The extra `export` is not installed."""


def export_onnx(model, path, error_rate=None):
    """Write a LeNet5 to `path` as ONNX, whole or not at all.

    Input `field`, float32 (N, 1, 32, 32) from -0.1 to 1.175, N free; outputs `penalties`, float32 (N, classes), and
    `class`, int64 (N,), the class with the smallest, 10 for the blank of strings. The metadata is the card: what the
    weights were trained on and how, the licence, and the error rate in percent, if it is given.

    Raises MissingPackageError where onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingPackageError("Writing ONNX needs the package onnx: pip install lenet_helpers[export]") from error
    graph = Graph(onnx)
    weights = {name: tensor.detach().cpu().float() for name, tensor in model.state_dict().items()}
    x = graph.convolution("c1", "field", weights["c1.weight"], weights["c1.bias"])
    x = graph.subsampling("s2", x, weights)
    x = graph.convolution("c3", x, dense(weights["c3.weight"]), weights["c3.bias"])
    x = graph.subsampling("s4", x, weights)
    x = graph.convolution("c5", x, weights["c5.weight"], weights["c5.bias"])
    x = graph.add("Flatten", "c5.units", [x])
    f6 = [x, graph.constant("f6.weight", weights["f6.weight"]), graph.constant("f6.bias", weights["f6.bias"])]
    x = graph.squash("f6", graph.add("Gemm", "f6.sum", f6, transB=1))
    graph.rbf(x, weights["rbf.codes"], model.rbf_scale)
    made = graph.model(card(model, error_rate), classes=len(weights["rbf.codes"]))
    onnx.checker.check_model(made, full_check=True)
    write_whole(path, lambda temporary: temporary.write_bytes(made.SerializeToString()))


def dense(kernels):
    """C3's 60 kernels (60, 5, 5) as (16, 6, 5, 5), zero where Table I connects nothing."""
    every = torch.zeros(*TABLE_I.shape, *kernels.shape[1:])
    every[TABLE_I] = kernels
    return every


def card(model, error_rate):
    """What a file of weights should say of itself, text by text."""
    facts = getattr(model, "facts", {})
    return {
        "network": "LeNet-5 of LeCun, Bottou, Bengio and Haffner (1998)",
        "input": "digits of 28 x 28 in the middle of 32 x 32; background -0.1, foreground 1.175",
        "trained on": facts.get("source", "not known"),
        "error rate": "not measured" if error_rate is None else f"{error_rate:.2f}% of the test digits",
        "facts": json.dumps({"rbf_scale": model.rbf_scale, "seed": model.seed, **facts}),
        "licence": "MIT",
    }


class Graph:
    """An ONNX graph that grows layer by layer; each step gives the name of what it computes."""

    def __init__(self, onnx):
        self.onnx, self.nodes, self.constants = onnx, [], []

    def add(self, operation, name, inputs, **attributes):
        self.nodes.append(self.onnx.helper.make_node(operation, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name, value):
        value = torch.as_tensor(value).contiguous().numpy()  # a Python number becomes float32
        self.constants.append(self.onnx.numpy_helper.from_array(value, name))
        return name

    def squash(self, layer, x):
        """Eq. 6."""
        scaled = self.add("Mul", f"{layer}.scaled", [x, self.constant(f"{layer}.steepness", STEEPNESS)])
        bent = self.add("Tanh", f"{layer}.tanh", [scaled])
        return self.add("Mul", layer, [bent, self.constant(f"{layer}.amplitude", AMPLITUDE)])

    def convolution(self, layer, x, weight, bias, **attributes):
        inputs = [x, self.constant(f"{layer}.weight", weight), self.constant(f"{layer}.bias", bias)]
        return self.squash(layer, self.add("Conv", f"{layer}.sum", inputs, **attributes))

    def subsampling(self, layer, x, weights):
        """The sum of each 2 x 2 square times the map's coefficient: a convolution of each map with itself alone."""
        coefficient = weights[f"{layer}.coefficient"]
        kernels = coefficient.view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
        bias = weights[f"{layer}.bias"]
        return self.convolution(layer, x, kernels, bias, group=len(coefficient), strides=[2, 2])

    def rbf(self, x, codes, scale):
        """Eq. 7, and the class with the smallest penalty."""
        axes = {name: self.constant(f"rbf.{name}", torch.tensor([axis])) for name, axis in (("class", 1), ("unit", 2))}
        state = self.add("Unsqueeze", "rbf.state", [x, axes["class"]])
        difference = self.add("Sub", "rbf.difference", [state, self.constant("rbf.codes", codes)])
        square = self.add("Mul", "rbf.square", [difference, difference])
        distance = self.add("ReduceSum", "rbf.distance", [square, axes["unit"]], keepdims=0)
        self.add("Mul", "penalties", [distance, self.constant("rbf.scale", float(scale))])
        self.add("ArgMin", "class", ["penalties"], axis=1, keepdims=0)

    def model(self, metadata, classes):
        helper, types = self.onnx.helper, self.onnx.TensorProto
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes, "LeNet-5", [value("field", types.FLOAT, ["N", 1, FIELD, FIELD])],
            [value("penalties", types.FLOAT, ["N", classes]), value("class", types.INT64, ["N"])], self.constants,
        )  # fmt: skip
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, producer_name="lenet_helpers", opset_imports=opset, ir_version=IR_VERSION)
        helper.set_model_props(model, metadata)
        return model
