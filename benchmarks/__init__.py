"""Side-by-side timings of the network and of the same network written with torch.nn; run by `make bench`."""
