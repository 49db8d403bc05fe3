"""What can be known about the code on a GPU without one; docs/gpu.md says what cannot.

Imports nothing here: the double (:mod:`trust.gpu.double`) must come before Chainer.
"""


def main(argv=None):
    """Run the parts that are asked for; returns the exit code."""
    from trust.gpu import command
    return command.main(argv)
