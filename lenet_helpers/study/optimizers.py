"""Is SDLM worth it? The optimizers compared, their short runs on held-out patterns and their long ones."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Contender:
    """An optimizer: the rates of its short runs, which one its long runs have, and the experiment of those.

    A rate is that of the first passes; the paper's schedule scales it from then on. For SDLM it is eta.
    """

    text: str
    short: str  # the short run of a rate is that of the experiment rate-<short>-<rate>
    rates: tuple[str, ...]
    rate: str
    long: str

    def experiment(self, rate):
        """Name of the experiment of the short runs with this rate."""
        return f"rate-{self.short}-{rate}"


PUBLISHED = "0.0005"  # the paper's first eta
CONTENDERS = (
    Contender("SDLM, h once a pass", "sdlm", ("0.00005", "0.00015", "0.0005", "0.0015", "0.005"), PUBLISHED, "regular"),
    Contender(
        "SDLM, h every 1,000 patterns",
        "sdlm-renewed",
        ("0.00005", "0.00015", "0.0005", "0.0015", "0.005"),
        PUBLISHED,
        "renewed",
    ),
    Contender("SGD", "sgd", ("0.00003", "0.0001", "0.0003", "0.001", "0.003"), "0.001", "best-sgd"),
    Contender(
        "SGD with momentum 0.9",
        "momentum",
        ("0.000003", "0.00001", "0.00003", "0.0001", "0.0003"),
        "0.0001",
        "best-momentum",
    ),
    Contender("Adam", "adam", ("0.00001", "0.00003", "0.0001", "0.0003", "0.001"), "0.0003", "best-adam"),
)


def raced(study):
    """The contenders all of whose short runs have ended."""
    done = {record["experiment"] for record in study.records}
    return [each for each in CONTENDERS if done.issuperset(map(each.experiment, each.rates))]
