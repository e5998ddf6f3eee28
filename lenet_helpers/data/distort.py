"""Distortions of a digit: the paper's random planar affine maps (Section III-B, Fig. 7), and elastic ones."""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch.nn.functional import affine_grid, grid_sample


@dataclass(frozen=True)
class Distortion:
    """Random translation, scaling, squeezing, horizontal shear and elastic distortion, drawn anew for every image.

    - translation: largest shift along each axis, in pixels.
    - scaling: both axes times (1 + scaling) ** u, u uniform in [-1, 1].
    - squeezing: width times, height divided by, (1 + squeezing) ** u: one shrinks as the other grows.
    - shear: largest sideways shift of a row, in pixels per pixel of its height above the centre.
    - elastic: alpha, in pixels, of a displacement of every pixel by its own: noise, uniform in [-1, 1] along each axis,
      smoothed by a Gaussian and times alpha (Simard, Steinkraus and Platt 2003). Not of the paper, so 0.
    - sigma: standard deviation of that Gaussian, in pixels. With 4 the displacements have a standard deviation of 0.04
      alpha, less towards the edges, beyond which there is no noise.
    - fraction: probability that an image is distorted; the others stay as they are. The paper adds 540,000
      distorted patterns to 60,000 originals: nine of ten.

    All draws are uniform and independent. The paper gives no strengths; these were chosen on held-out training
    patterns (notebook 13): a network of 60,000 parameters underfits when they are stronger. Raises ValueError for
    a strength that is negative or not finite, a sigma that is not more than 0, and a fraction outside 0 to 1.
    """

    translation: float = 1.0
    scaling: float = 0.15
    squeezing: float = 0.15
    shear: float = 0.25
    fraction: float = 0.9
    elastic: float = 0.0
    sigma: float = 4.0

    def __post_init__(self):
        for name in ("translation", "scaling", "squeezing", "shear", "elastic"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"Distortion: got {name} {getattr(self, name)}, expected 0 or more, finite.")
        if not 0 < self.sigma < float("inf"):
            raise ValueError(f"Distortion: got sigma {self.sigma}, expected more than 0, finite.")
        if not 0 <= self.fraction <= 1:
            raise ValueError(f"Distortion: got fraction {self.fraction}, expected 0 to 1.")

    def __call__(self, images, generator):
        """Distort images (n, rows, columns) of 0 to 255; float32 of the same shape, range and device.

        Every draw comes from the torch.Generator `generator`: the same state gives the same images. Raises
        ValueError for images of another shape or without a generator.
        """
        if images.ndim != 3:
            raise ValueError(f"Distortion: got images of shape {tuple(images.shape)}, expected (n, 28, 28).")
        if not isinstance(generator, torch.Generator):
            raise ValueError(
                f"Distortion: got generator {generator!r}, expected torch.Generator().manual_seed(a number)."
            )
        count, rows, columns = images.shape
        numbers = 6 + (2 * rows * columns if self.elastic else 0)  # of one image, so that a batch may be cut anywhere
        draws = torch.rand(count, numbers, generator=generator, device=generator.device).to(images.device)
        images = images.float()
        chosen = (draws[:, 5] < self.fraction).nonzero().ravel()
        if len(chosen):
            draws = 2 * draws[chosen] - 1
            field = self.field(draws[:, 6:].view(-1, 2, rows, columns)) if self.elastic else None
            warped = warp(images[chosen], *self.maps(draws[:, :5]), field)
            images = images.index_copy(0, chosen, warped)
        return images

    def maps(self, draws):
        """The affine maps that draws (n, 5) in [-1, 1] stand for: matrices (n, 2, 2) and shifts (n, 2).

        A point of the digit, (column, row) from the centre of the image, goes to matrix @ point + shift.
        """
        across, down, scaling, squeezing, shear = draws.unbind(1)
        scale, squeeze = (1 + self.scaling) ** scaling, (1 + self.squeezing) ** squeezing
        width, height = scale * squeeze, scale / squeeze
        matrix = torch.stack([width, self.shear * shear * height, torch.zeros_like(width), height], 1)
        return matrix.view(-1, 2, 2), self.translation * torch.stack([across, down], 1)

    def field(self, noise):
        """The elastic displacements (n, 2, rows, columns), in pixels to the right and down, of noise in [-1, 1]."""
        down, across = (gaussian(side, self.sigma).to(noise) for side in noise.shape[2:])
        return self.elastic * (down @ noise @ across)


@lru_cache
def gaussian(side, sigma):
    """The matrix (side, side), symmetric, that smooths a row of pixels by a Gaussian, as if 0 lay beyond its ends."""
    reach = torch.arange(-math.ceil(9 * sigma), math.ceil(9 * sigma) + 1, dtype=torch.float64)
    apart = torch.arange(side, dtype=torch.float64)[:, None] - torch.arange(side)
    total = torch.exp(-reach.square() / (2 * sigma**2)).sum()
    return (torch.exp(-apart.square() / (2 * sigma**2)) / total).float()


def warp(images, matrix, shift, field=None):
    """Images (n, rows, columns) under affine maps (n, 2, 2), (n, 2) about their centres; bilinear, 0 outside.

    Each pixel of the result is looked up where the inverse map comes from, one map an image, all at once, and where
    there is a displacement field (n, 2, rows, columns), in pixels to the right and down, that far from there.
    """
    rows, columns = images.shape[1:]
    half = torch.tensor([columns / 2, rows / 2], device=images.device)  # grid_sample counts in half sides
    inverse = torch.linalg.inv(matrix)
    theta = torch.cat([inverse * half, -inverse @ shift[:, :, None]], 2) / half[:, None]
    grid = affine_grid(theta, [len(images), 1, rows, columns], align_corners=False)
    if field is not None:
        grid = grid + field.movedim(1, 3) / half
    return grid_sample(images[:, None], grid, align_corners=False).clamp_(0, 255)[:, 0]
