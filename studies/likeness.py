"""What `predict` holds the likeness of a digit against, measured on MNIST's training digits alone.

    python studies/likeness.py

Writes results/likeness.json: the least penalties by the packaged weights "regular" of the first 5,000 training digits
as `predict` sees them, and how many of all 60,000 are refused by their shape. The limits of `lenet_helpers.likeness`
are read off these numbers; a test holds them to the file, and the file to the weights.
"""

import json

import torch
from PIL import Image

from lenet_helpers import load_digits, load_weights, to_input
from lenet_helpers.data.normalise import find_digit
from lenet_helpers.files import write_whole
from lenet_helpers.likeness import LOOPS, closed_loops, is_cross
from lenet_helpers.study.read import RESULTS
from lenet_helpers.study.robustness import weights_checksum

SAMPLE = 5000


def least_penalties(model, images):
    """Of each image (28, 28) as `predict` sees it; those in which it finds no digit are left out."""
    seen = (find_digit(Image.fromarray(image)).digit for image in images.numpy())
    fields = torch.stack([digit for digit in seen if digit is not None])
    with torch.no_grad():
        return torch.cat([model(to_input(part)).amin(1) for part in fields.split(500)])


def main():
    model, images = load_weights(), load_digits("train", "mnist").images
    least = least_penalties(model, images[:SAMPLE])
    measured = {
        "weights": weights_checksum(model),
        "digits": SAMPLE,
        "digits found": len(least),
        "half a percent are above": round(least.quantile(0.995).item(), 2),
        "largest": round(least.max().item(), 2),
        "above j = 5, percent": round(100 * (least > 5).float().mean().item(), 2),
        "above j = 10, percent": round(100 * (least > 10).float().mean().item(), 2),
        "shapes": len(images),
        f"{LOOPS} loops or more": sum(closed_loops(image) >= LOOPS for image in images.numpy()),
        "crosses": sum(map(is_cross, images.numpy())),
    }
    text = json.dumps(measured, indent=1) + "\n"
    write_whole(RESULTS / "likeness.json", lambda path: path.write_text(text, encoding="utf-8"))
    print(text)


if __name__ == "__main__":
    main()
