"""The replay of a function on a GPU: a CUDA graph of its operations, captured once."""

import torch


def captured(function, held, more=()):
    """(calls that replay the function on the tensors `held`, its results); PyTorch allocates and frees as it captures.

    The function runs once beforehand on a stream of its own, so that libraries set themselves up outside of the graph.
    """
    with torch.cuda.device(held[0].device):  # streams are those of the current GPU, the tensors may be on another
        here, aside = torch.cuda.current_stream(), torch.cuda.Stream()
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            function(*held, *more)
        here.wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = function(*held, *more)
        graph.replay()  # capturing ran nothing
    return [graph.replay], results
