"""LeNet-5 of LeCun, Bottou, Bengio and Haffner (1998), built from tensor operations."""

__version__ = "0.1.0"
