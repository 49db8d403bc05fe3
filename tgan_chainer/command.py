"""How every command ends: exit codes, and one line for what the user can mend."""
import sys

from tgan_chainer.errors import TGANError
from tgan_chainer.memory import keep_freed_memory

EXIT_OK = 0
EXIT_INTERRUPTED = 130
"""Exit code after Ctrl-C in a command that had nothing to save."""


def run_command(function, *args):
    """Call ``function(*args)`` and turn how it ends into an exit code.

    A :class:`~tgan_chainer.errors.TGANError` is printed to stderr as one message; any other
    exception is a fault of this project and keeps its traceback.
    """
    keep_freed_memory()
    try:
        function(*args)
    except TGANError as error:
        print(f'error: {error}', file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_OK
