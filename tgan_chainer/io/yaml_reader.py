"""The only reader of YAML: plain values, and nothing that a hostile file could make of them."""
import math

import yaml

from tgan_chainer.errors import ConfigError

MAX_BYTES = 2 ** 16    #: Largest YAML file that is read; the packaged ones take less than 3 KB.
MAX_VALUES = 10_000    #: Most values in a YAML file, each as often as aliases repeat it.
MAX_DIGITS = 100    #: Of an integer in a YAML file: Python cannot print one of thousands.


def read_yaml(file, source):
    """What a YAML ``file``, a path or a binary stream, holds: no object of a class.

    One that cannot be read, is not YAML, or is too large is a ConfigError about ``source``.
    """
    try:
        with file if hasattr(file, 'read') else open(file, 'rb') as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f'found more than {MAX_BYTES} bytes')
        return yaml.load(content.decode('utf-8'), Loader=_UniqueKeyLoader)
    except Exception as error:  # PyYAML raises almost anything for a value that is not as tagged
        raise ConfigError(f'{source}: cannot be read as YAML: {_one_line(error)}') from error


class _UniqueKeyLoader(yaml.SafeLoader):
    """The safe loader, which would let a second value of a key win silently.

    What aliases unfold, also to a collection in itself, is counted before anything is made of it.
    """

    def get_single_node(self):
        node = super().get_single_node()
        if node is not None and _count_values(node, {}) > MAX_VALUES:
            raise yaml.composer.ComposerError(
                None, None, f'a collection that holds itself, or more than {MAX_VALUES} values, '
                'counting what aliases repeat', node.start_mark)
        return node

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f'duplicate key {key!r}', node.start_mark)
        return super().construct_mapping(node, deep)


def _count_values(node, counts):
    """Nodes at and below a node, infinitely many where it holds itself; no integer too long."""
    if isinstance(node, tuple):    # of a key and its value, in a mapping
        return sum(_count_values(part, counts) for part in node)
    if node.tag.endswith(':int') and len(node.value) > MAX_DIGITS:
        raise yaml.constructor.ConstructorError(
            None, None, f'a number of more than {MAX_DIGITS} digits', node.start_mark)
    if node not in counts:
        counts[node] = math.inf    # until it is known
        children = () if isinstance(node, yaml.ScalarNode) else node.value
        counts[node] = 1 + sum(_count_values(child, counts) for child in children)
    return counts[node]


def _one_line(error):
    """A message of PyYAML's or of Python's, with the remedy for what editors do to a file."""
    message = ' '.join(str(error).replace('in "<unicode string>", line', 'in line').split())
    if r"'\t'" in message:
        return f'{message}. YAML takes no tabs: use spaces'
    if isinstance(error, UnicodeDecodeError):
        return f'{message}. Save the file as UTF-8'
    return message
