"""How like a digit a picture is, by the least of its penalties: the paper's "rubbish" class, with measured limits."""

DOUBTFUL = 7.5  # half a percent of MNIST's first 5,000 training digits, as `predict` sees them, are above
UNLIKE = 16.2  # ... and none is; one in seven hundred of the test digits read rightly is


def unlike_a_digit(penalty):
    """What to say of a least penalty of the packaged weights "regular": (a sentence or "", whether to refuse)."""
    if penalty <= DOUBTFUL:
        return "", False
    seen = f"the least penalty is {penalty:.1f}, and that of"
    if penalty <= UNLIKE:
        return f"this may be no digit: {seen} 99.5% of training digits is below {DOUBTFUL}.", False
    return f"this does not look like one digit: {seen} 5,000 training digits is below {UNLIKE}.", True
