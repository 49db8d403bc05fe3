"""`python -m trust TRIAL ...`: one of the trials; `TRIAL --help` tells more."""
from tgan_chainer.commands.run import dispatch

TRIALS = {
    'environments': (
        'environments', 'install, tests and parity on every supported Python and NumPy'),
    'faults': ('faults', 'kill, starve and damage trainings, and see that nothing is lost'),
    'fuzz': ('fuzz', 'feed the readers of files with what an enemy would write'),
    'gpu': ('gpu', 'what can be known about the code on a GPU without one'),
}
"""Module of this package -> what it does."""


def main(argv=None):
    """Run the trial that the first argument names; returns its exit code."""
    return dispatch('python -m trust', 'trust', TRIALS, argv)


if __name__ == '__main__':
    raise SystemExit(main())
