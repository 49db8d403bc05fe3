"""CSV and JSON with other contents."""
import json

from trust.fuzz.damage import damaged

CSV = (b'category,start,end\r\nArchery,0,16\r\nYoYo,16,36\r\n"a ""b"", c",36,69\r\n',
       '\ufeffstart,end,category\n2,3,ü\n'.encode(), b'end,category,start\n16,x,0\n16,y,0\n')
"""Tables."""

_CELLS = (b'', b'"', b'""', b'"a,b"', b'-1', b'1.5', b'9' * 30, b'9' * 5000, b'nan', b'\0',
          b'\xff', b'x' * 140_000, b'\r', b'\n', b'start', b'0x10', b'1_000', b' 7 ',
          '٣'.encode(), b'1e9', b'True')
_VALUES = (None, True, -1, 0, 1, 1.5, 1e308, float('nan'), float('inf'), 10 ** 40, '', 'x', '\0',
           '\ud800', 'x' * 10_000, [], {}, [[]], [None], {'': 0}, {'rows': -1}, ['a', 'b'],
           'a' * 64)


def make_csv(rng, whole):
    """A table -> bytes; ``whole`` are :data:`CSV`."""
    content = rng.choice(whole)
    if rng.random() < 0.4:
        return damaged(rng, content, whole)
    lines = [line.split(b',') for line in content.split(rng.choice((b'\n', b'\r\n')))]
    for _ in range(rng.choice((1, 1, 2, 4))):
        cells = rng.choice(lines)
        place = rng.randrange(len(cells) + 1)
        cells[place:place + rng.randrange(3)] = rng.choices(_CELLS, k=rng.randrange(3))
        if rng.random() < 0.1:
            lines.append(rng.choice(lines) * rng.choice((1, 30)))
    separator = rng.choice((b',', b',', b',', b';'))
    return rng.choice((b'\n', b'\r\n', b'\r')).join(map(separator.join, lines))


def make_json(rng, whole):
    """A JSON text -> bytes; ``whole`` are such texts."""
    content = rng.choice(whole)
    if rng.random() < 0.4:
        return damaged(rng, content, whole)
    if rng.random() < 0.05:
        return rng.choice(('[', '{"a":', '[' * 60, '"\\u')).encode() * rng.choice((1, 900, 60_000))
    return json.dumps(_changed(rng, json.loads(content))).encode('utf-8', 'surrogatepass')


def make_lines(rng, whole):
    """Lines of JSON -> bytes; ``whole`` are such files."""
    sound = rng.choice(whole).splitlines()
    lines = list(sound)
    for _ in range(rng.randint(1, 2)):
        place = rng.randrange(len(lines) + 1)
        lines[place:place + 1] = rng.choice((
            [], [rng.choice(sound)] * 2, [make_json(rng, [rng.choice(sound)])]))
    return b'\n'.join(lines) + rng.choice((b'', b'\n'))


def _changed(rng, value):
    """A value with one place in it changed."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        if rng.random() < 0.15:
            rest = {name: value[name] for name in value if name != key}
            return {**rest, **rng.choice(({}, {'more': 1}, {key + 'x': value[key]}))}
        return {**value, key: _changed(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.85:
        place = rng.randrange(len(value))
        return [*value[:place], *rng.choice(([], [_changed(rng, value[place])],
                                             [value[place]] * 2)), *value[place + 1:]]
    return rng.choice(_VALUES)
