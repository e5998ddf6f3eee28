"""Judges of the notebooks' "Your turn" exercises: `checks.<exercise>(answer)` says right, wrong and why, or
not answered yet."""

from lenet_helpers.checks._judge import Check, Mistake, NotAnswered, Verdict, on_cases
from lenet_helpers.checks.backprop import full_curvature, shared_curvature, squash_backprop
from lenet_helpers.checks.connections import fan_in, receptive_field, table_one, table_parameters
from lenet_helpers.checks.convolution import count_convolution, output_size, strided, vertical_edge
from lenet_helpers.checks.data import (
    centre_of_mass,
    error_rate,
    field_to_pixels,
    share_of_c5,
    standard_levels,
)
from lenet_helpers.checks.distortions import compose, source
from lenet_helpers.checks.evaluation import confusion, f1_scores, rejection
from lenet_helpers.checks.guess import prediction
from lenet_helpers.checks.loss import map_derivative, map_loss, rubbish_share
from lenet_helpers.checks.playground import answer_or_refuse, best_single_rate
from lenet_helpers.checks.rbf import classify, code_from_rows, rbf_penalties
from lenet_helpers.checks.results import dot_plot, mcnemar_by_hand
from lenet_helpers.checks.robustness import band, rotation, thicken, withstood
from lenet_helpers.checks.sdlm import initial_bounds, running_average, sdlm_step
from lenet_helpers.checks.strings import best_path, forward_score, spell, windows_in_field
from lenet_helpers.checks.subsampling import amplitude, slope_from_state, subsample
from lenet_helpers.checks.training import eta_of_pass, falling_eta, on_the_fly

__all__ = [
    "Check",
    "Mistake",
    "NotAnswered",
    "Verdict",
    "on_cases",
    "prediction",
    "centre_of_mass",
    "error_rate",
    "field_to_pixels",
    "share_of_c5",
    "standard_levels",
    "count_convolution",
    "output_size",
    "strided",
    "vertical_edge",
    "amplitude",
    "slope_from_state",
    "subsample",
    "fan_in",
    "receptive_field",
    "table_one",
    "table_parameters",
    "classify",
    "code_from_rows",
    "rbf_penalties",
    "full_curvature",
    "shared_curvature",
    "squash_backprop",
    "confusion",
    "f1_scores",
    "rejection",
    "map_derivative",
    "map_loss",
    "rubbish_share",
    "initial_bounds",
    "running_average",
    "sdlm_step",
    "eta_of_pass",
    "falling_eta",
    "on_the_fly",
    "answer_or_refuse",
    "best_single_rate",
    "dot_plot",
    "mcnemar_by_hand",
    "compose",
    "source",
    "best_path",
    "forward_score",
    "spell",
    "windows_in_field",
    "band",
    "rotation",
    "thicken",
    "withstood",
]
