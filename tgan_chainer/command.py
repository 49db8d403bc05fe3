"""How every command ends: exit codes, and one line for what the user can mend."""
import argparse
import difflib
import importlib
import sys

from tgan_chainer.errors import EXIT_USER_ERROR, TGANError
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


def positive(text):
    """``type`` of a flag that takes an integer of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{number} is not positive')
    return number


def dispatch(program, package, commands, argv=None, light=()):
    """Run the command that the first argument names, which is a module of ``package``.

    The command of a module ``folder.make_golf`` is make-golf; the module's own name works as well.

    Args:
        program (str): How the user calls this, for messages.
        commands (dict): Module -> what its ``main(argv)`` does, for the list that is printed
            without an argument.
        light (collection of str): Those whose ``main`` is in ``package.commands``.

    Returns:
        int: Exit code.
    """
    name, *rest = (sys.argv[1:] if argv is None else argv) or ['--help']
    modules = {_command(module): module for module in commands}
    module = modules.get(_command(name))
    if module:
        folder = f'{package}.commands' if module in light else package
        try:
            return importlib.import_module(f'{folder}.{module}').main(rest)
        except KeyboardInterrupt:
            print('interrupted', file=sys.stderr)
            return EXIT_INTERRUPTED
    if name not in ('-h', '--help'):
        close = difflib.get_close_matches(name, modules, n=1)
        hint = f'did you mean {close[0]!r}? ' if close else ''
        print(f'error: there is no command {name!r}; {hint}{program} --help lists them',
              file=sys.stderr)
        return EXIT_USER_ERROR
    width = max(map(len, modules))
    print(f'usage: {program} COMMAND ...  (COMMAND --help tells its flags)\n')
    print('\n'.join(f'  {name:{width}}  {commands[module]}' for name, module in modules.items()))
    return EXIT_OK


def _command(module):
    return module.rpartition('.')[2].replace('_', '-')
