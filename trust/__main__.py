"""`python -m trust TRIAL ...`: one of the trials; `TRIAL --help` tells more."""
from tgan_chainer.command import dispatch

TRIALS = {
    'environments': 'install, tests and parity on every Python and NumPy that is supported',
    'faults': 'kill, starve and damage trainings, and see that nothing is lost',
    'fuzz': 'feed the readers of files with what an enemy would write',
    'gpu': 'what can be known about the code on a GPU without one',
}
"""Module of this package -> what it does."""


def main(argv=None):
    """Run the trial that the first argument names; returns its exit code."""
    return dispatch('python -m trust', 'trust', TRIALS, argv)


if __name__ == '__main__':
    raise SystemExit(main())
