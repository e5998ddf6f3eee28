"""What a reader can touch: widgets for a live page, each with a static twin, its `picture()`."""

from .architecture import NetworkView
from .curvature_lab import CurvatureLab
from .draw_pad import DrawPad
from .explorer import LayerExplorer
from .loss_lab import LossLab
from .monitor import TrainingMonitor
from .number_pad import NumberPad
from .stepper import ConvolutionStepper

__all__ = [
    "ConvolutionStepper",
    "CurvatureLab",
    "DrawPad",
    "LayerExplorer",
    "LossLab",
    "NetworkView",
    "NumberPad",
    "TrainingMonitor",
]
