"""Reading whole strings, and training on them: the network over a wide field (Section VII)."""

from .global_training import fit_strings
from .graph import READING, Grammar, Interpretations, discriminative_forward, viterbi
from .reading import Reading, local_minima, penalty_map, read_string, read_strings, window_inputs

__all__ = [
    "READING",
    "Grammar",
    "Interpretations",
    "Reading",
    "discriminative_forward",
    "fit_strings",
    "local_minima",
    "penalty_map",
    "read_string",
    "read_strings",
    "viterbi",
    "window_inputs",
]
