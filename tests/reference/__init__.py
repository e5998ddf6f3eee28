"""What judges the package: the same network by loops, by torch.nn and autograd, written apart from it."""
