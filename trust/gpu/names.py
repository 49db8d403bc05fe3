"""The CuPy names that this project needs, and whether the supported CuPys have them.

``names.json`` is made where CuPy can be imported, which needs no GPU, and read everywhere::

    python -m trust.gpu.names PYTHON ...    # interpreters with CuPy: one for each version

What needs a name is found in two ways. The text of this package, and of those modules of Chainer of
which a function was called when the trials (:mod:`trust.gpu.trials`) ran, is scanned for names
(:mod:`trust.gpu.scan`), also in branches that did not run. And the double writes down what it was
asked for, methods of arrays too, which no text tells.
"""
import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import tgan_chainer  # before Chainer, which it makes importable

# isort: split
import chainer

from tgan_chainer.commands.run import run_command
from tgan_chainer.errors import ConfigError
from tgan_chainer.io import files
from trust.gpu import scan
from trust.gpu.double import arrays
from trust.gpu.name_list import FILE, load

SUPPORTED = ('13.6.0', '14.2.0')
"""Versions of CuPy that the list is to cover; the first is the one in constraints.txt."""

_CUDNN = ('CuPy 14 has no cuDNN. Chainer then takes it for absent (chainer.backends.cuda.'
          'cudnn_enabled), and so it is on the double, where all of the path runs')

REASONS = (
    ('', 'cupy.util.PerformanceWarning', 'asked for only where cupy._util has none'),
    ('14.', 'cupy.cudnn', _CUDNN),
    ('14.', 'cupy.cuda.cudnn', _CUDNN),
)
"""Why a name may be missing: start of the version, start of the name, reason."""

DOUBLE = 'trust/gpu (asked for when the trials ran)'

_SITE = Path(chainer.__file__).parents[1]
PROJECT = Path(tgan_chainer.__file__).parents[1]


def scanned(modules):
    """Names in our package and in files of Chainer -> {name: [files]}."""
    found = {}
    paths = [*((PROJECT, path) for path in sorted((PROJECT / 'tgan_chainer').rglob('*.py'))),
             *((_SITE, _SITE / module) for module in modules)]
    for root, path in paths:
        for name in scan.names_in(path):
            found.setdefault(name, []).append(path.relative_to(root).as_posix())
    return found


def check():
    """Compare the list with the code as it is -> list of what is wrong, number of names."""
    document = load()
    wrong = []
    if document['chainer'] != chainer.__version__:
        wrong.append(f'the list is of Chainer {document["chainer"]}, this is '
                     f'{chainer.__version__}')
    wrong += [f'{name} of {", ".join(where)} is not in the list'
              for name, where in sorted(scanned(document['modules']).items())
              if name not in document['names']]
    wrong += [f'CuPy {version} was not looked at' for version in SUPPORTED
              if version not in document['cupy']]
    for name, entry in document['names'].items():
        wrong += [f'{name} is missing in CuPy {version} ({", ".join(entry["in"])}), and no reason '
                  'is given' for version in entry['missing'] if reason(name, version) is None]
    return wrong, len(document['names'])


def reason(name, version):
    """Why a name may be missing in a version of CuPy -> str or None."""
    return next((why for start, prefix, why in REASONS
                 if version.startswith(start) and f'{name}.'.startswith(f'{prefix}.')), None)


# -- making the list -------------------------------------------------------------------------------

def main(argv=None):
    """Make the list again; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m trust.gpu.names', description='Make trust/gpu/names.json again: run the '
        'trials, scan the code, and look every name up in installed CuPys.')
    parser.add_argument('pythons', nargs='+', metavar='PYTHON',
                        help='interpreters that can import CuPy: of ' + ' and '.join(SUPPORTED))
    return run_command(_write, parser.parse_args(argv))


def _write(args):
    for python in args.pythons:    # a mistake is found before the trials
        _look_up(python, [])
    ran = _run_trials()
    found = scanned(ran['modules'])
    operators = (f'cupy.{ufunc.__name__}' for ufunc in arrays.OPERATORS.values())
    methods = (f'cupy.ndarray.{method}' for method in ran['methods'])
    for name in sorted({*ran['asked'], *operators, *methods}):
        found.setdefault(name, []).append(DOUBLE)
    looked_up = [_look_up(python, sorted(found)) for python in args.pythons]
    names = {}
    for name in sorted(found):
        names[name] = {
            'in': found[name],
            'missing': [each['version'] for each in looked_up if not each['names'][name]['there']]}
        # A call must fit every version; where they differ, the oldest counts.
        parameters = looked_up[0]['names'][name].get('parameters')
        if parameters is not None:
            names[name]['parameters'] = parameters
    document = {'chainer': chainer.__version__, 'cupy': [each['version'] for each in looked_up],
                'modules': ran['modules'], 'names': names}
    files.write_text(FILE, _compact(document))
    print(f'wrote {FILE}: {len(names)} names')


def _run_trials():
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, 'worker.json')
        subprocess.run([sys.executable, '-m', 'trust.gpu.worker', str(file), '--any-name'],
                       cwd=PROJECT, check=True)
        return json.loads(file.read_text())


def _look_up(python, names):
    probe = Path(__file__).with_name('probe.py')
    try:
        done = subprocess.run([python, str(probe)], input=json.dumps(names), text=True,
                              capture_output=True, cwd=FILE.anchor)
    except OSError as error:
        raise ConfigError(f'{python}: cannot be run ({error.strerror})') from error
    if done.returncode:
        raise ConfigError(f'{python}: cannot import CuPy ({done.stderr.strip().splitlines()[-1]}); '
                          f'install cupy-cuda12x=={SUPPORTED[0]} and NVIDIA\'s libraries (extra '
                          '[cuda12] of setup.py) into its environment')
    return json.loads(done.stdout)


def _compact(document):
    """JSON of one line a name, which a diff can show."""
    text = json.dumps(document, indent=1)
    return re.sub(r'\n {3,}|\n {2}(?=[}\]])', ' ', text) + '\n'


if __name__ == '__main__':
    raise SystemExit(main())
