"""Draw the README's first picture, LeNet-5 with a test digit of MNIST in it: python tools/readme_picture.py"""

from pathlib import Path

from lenet_helpers import load_digits, load_weights
from lenet_helpers.widgets.architecture import draw_architecture

PICTURE = Path(__file__).resolve().parents[1] / "results" / "figures" / "lenet5.png"
DIGIT = 0  # of the test set: a 7


def main() -> None:
    drawn = draw_architecture(load_weights("regular"), load_digits("test", "mnist").images[DIGIT])
    PICTURE.write_bytes(drawn.png())
    print(f"{PICTURE.name}: {drawn.alt}")


if __name__ == "__main__":
    main()
