"""What consolidation.toml records."""


def distance(moment):
    """How far the late site is from the memory, the gain of 1 that both sites track."""
    return abs(moment.weights[1] - 1.0)
