"""How every command ends: exit codes, and one line for what the user can fix."""
import ctypes
import os
import pkgutil
import select
import sys

from tgan_chainer.errors import EXIT_INTERRUPTED, EXIT_NO_READER, EXIT_OK, TGANError


def run_command(function, *args):
    """Call ``function(*args)``, and turn how it ends into an exit code: its own, or 0 for None.

    A :class:`~tgan_chainer.errors.TGANError` is printed to stderr as one message; any other
    exception is a fault of this project and keeps its traceback. If whoever reads the output has
    left (``| head``), the command ends without a word.
    """
    keep_freed_memory()
    try:
        try:
            code = function(*args) or EXIT_OK
        except TGANError as error:
            print(f'error: {error}', file=sys.stderr)
            code = error.exit_code
        except KeyboardInterrupt:
            print('interrupted', file=sys.stderr)
            code = EXIT_INTERRUPTED
        except SystemExit:    # --help
            print(end='', flush=True)
            raise
        print(end='', flush=True)    # here, since at exit Python would complain
    except BrokenPipeError:
        if not _drop_unread():
            raise
        code = EXIT_NO_READER
    return code


def _drop_unread():
    """Have those of stdout and stderr go nowhere that nobody reads any more -> whether one is."""
    found = False
    for stream in filter(None, (sys.stdout, sys.stderr)):
        poll = select.poll()
        poll.register(stream, 0)
        if poll.poll(0):    # an error is all it tells
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            found = True
    return found


def command(name, parse_args, run):
    """The ``main`` of a module: ``run`` with what ``parse_args`` makes of the arguments.

    What was given, to ``tgan NAME``, is in ``args.command_line``, for records. ``run`` may be
    'MODULE:FUNCTION' of a module whose import takes a second, which --help need not wait for.
    """
    def parse_and_run(arguments):
        args = parse_args(arguments)
        args.command_line = ['tgan', name, *arguments]
        (pkgutil.resolve_name(run) if isinstance(run, str) else run)(args)

    def main(argv=None):
        """Run the command; returns its exit code."""
        return run_command(parse_and_run, sys.argv[1:] if argv is None else argv)
    return main


def keep_freed_memory():
    """Have glibc's malloc keep large blocks that are freed, for this whole process.

    Otherwise every page of the next large array costs a page fault (docs/decisions.md). For
    commands: a library that is imported leaves a setting of the process alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(-4, 0)    # M_MMAP_MAX: not from mmap, whose blocks go back when they are freed
    mallopt(-1, 2 ** 31 - 1)    # M_TRIM_THRESHOLD
