"""Reads ``names.json``; imports nothing, since the double needs it before Chainer is imported."""
import json
from pathlib import Path

FILE = Path(__file__).with_name('names.json')


def load():
    """The list -> dict: Chainer's version, CuPy's versions, modules, names.

    A name has the files it is ``in``, the versions it is ``missing`` in, and the ``parameters`` of
    a function as a list, where CuPy tells them, or None.
    """
    document = json.loads(FILE.read_text(encoding='utf-8'))
    for entry in document['names'].values():
        entry['parameters'] = _read_parameters(entry.get('parameters'))
    return document


def _read_parameters(text):
    """'a, axis=, *, out=' -> [(name, kind of inspect.Parameter, whether it has a default)]."""
    if text is None:
        return None
    found, kind = [], 1
    for part in filter(None, text.split(', ')):
        if part.startswith('**'):
            found.append((part[2:], 4, False))
        elif part.startswith('*'):
            kind = 3
            if len(part) > 1:
                found.append((part[1:], 2, False))
        else:
            found.append((part.rstrip('='), kind, part.endswith('=')))
    return found
