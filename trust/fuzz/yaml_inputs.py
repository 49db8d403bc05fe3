"""Experiment files that nobody wrote."""
from tgan_chainer import config
from trust.fuzz.damage import damaged

_SMALL = """\
models:
  fsgen: {fn: models/frame_seed_generator.py, name: FrameSeedGeneratorNoBetaInitUniform,
          args: {n_frames: 16, z_slow_dim: 4, z_fast_dim: 4}}
  vgen: {fn: models/video_generator.py, name: VideoGeneratorInitUniform,
         args: {z_slow_dim: 4, z_fast_dim: 4, out_channels: 1, bottom_width: 4, conv_ch: 16}}
  vdis: {fn: models/video_discriminator.py, name: VideoDiscriminatorNoBetaInitUniform,
         args: {in_channels: 1, top_width: 4, mid_ch: 2}}
dataset: {fn: datasets/mnist_dataset.py, name: MovingMNISTDataset, args: {n_frames: 16}}
updater: {fn: updaters/tgan_updater_wgan.py, name: TGANUpdaterWGANSVC, args: {freq: 5}}
batchsize: 2
iterations: 8
"""

_SCALARS = (
    '~', 'true', '-1', '0', '.inf', '.nan', '1e999', '0x' + 'f' * 5000, '9' * 5000,
    ':'.join(['1'] * 500), ':'.join(['1'] * 500) + '.5', '2001-99-99', '2001-01-01 99:99:99',
    '!!int ""', '!!int x', '!!float ""', '!!bool maybe', '!!timestamp never', '!!binary "%"',
    '!!set {a, b}', '!!omap [a]', '!!pairs [a: 1]', '!!str {}', '!!seq {}', '!!map []',
    '!!python/object/apply:os.system ["echo"]', '!!python/name:os.system', '!own 1', '[', '{',
    '"\\ud800"', '"\\0"', '../../../etc/passwd', '/dev/zero', '{fn: os.py, name: system}',
    '{fn: 1, name: []}', '{fn: "", name: __class__, args: {}}', '? [a] : b', '*none', '<<: *none')
_KEYS = ('a', 'fn', 'name', 'args', 'models', 'fsgen', 'vgen', 'vdis', 'dataset', 'updater',
         'dataset_fn', 'dataset_name', 'frame_seed_generator', 'shuffle_time_order', 'resume',
         'batchsize', 'epoch', 'optimizer', 'seed', 'lr', 'source', 'key', '<<', '~', '1', '[x]',
         '{}', '__proto__', 'batch_norm_statistics', 'make_moving_mnist', 'preview_videos')


def seeds():
    """The packaged experiments, and a small one."""
    return [_SMALL.encode(), *((config.PACKAGED / name).read_bytes()
                               for name in config.packaged_names())]


def make(rng, whole):
    """An input -> bytes; ``whole`` are the :func:`seeds`."""
    kind = rng.choice((_of_lines, _of_lines, _of_tokens, _of_tokens, _of_grammar, _of_bytes,
                       _of_bytes, _of_aliases))
    return kind(rng, whole)


def _of_bytes(rng, whole):
    return damaged(rng, rng.choice(whole), whole)


def _of_lines(rng, whole):
    """Lines deleted, repeated, indented, or from other experiments."""
    lines = rng.choice(whole).splitlines()
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(lines))
        lines[place:place + rng.randrange(2)] = rng.choice((
            [], [lines[place]], [b'  ' + lines[place]], [lines[place].lstrip()],
            [rng.choice(rng.choice(whole).splitlines())]))
        if not lines:
            break
    return b'\n'.join(lines)


def _of_tokens(rng, whole):
    """Values in the place of others."""
    text = rng.choice(whole).decode()
    words = [word.strip('{},') for word in text.split() if word.strip('{},')]
    for _ in range(rng.randint(1, 3)):
        text = text.replace(rng.choice(words), rng.choice(rng.choice((_SCALARS, words))),
                            rng.choice((1, 1, -1)))
    return text.encode()


def _of_grammar(rng, whole):
    """A document of no particular sense."""
    return '\n'.join(f'{rng.choice(_KEYS)}: {_value(rng, 0)}'
                     for _ in range(rng.randint(0, 6))).encode()


def _value(rng, depth):
    prefix = rng.choice(('', '', '', '&a ', '&b ', '!!map ', '!!seq ', '!!str '))
    kind = rng.randrange(5) if depth < 6 else 0
    if kind < 2:
        return rng.choice(('*a', '*b', *_SCALARS, *_KEYS))
    parts = [_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    if kind == 2:
        return f'{prefix}[{", ".join(parts)}]'
    return f'{prefix}{{{", ".join(f"{rng.choice(_KEYS)}: {part}" for part in parts)}}}'


def _of_aliases(rng, whole):
    """Few lines that unfold to many, somewhere in a whole experiment, or nested without end."""
    if rng.random() < 0.1:
        opening = rng.choice(('[', '{a: ', '- ', '? '))
        return f'{rng.choice(_KEYS)}: {opening * rng.choice((10, 500, 5000))}'.encode()
    width, depth = rng.randint(1, 12), rng.randint(1, 14)
    leaf = rng.choice(('{}', '[]', 'x', '{fn: a, name: b}', '{q: 1}'))
    lines = [f'a0: &a0 {leaf}']
    for level in range(1, depth):
        names = [f'*a{level - 1}' for _ in range(width)]
        lines.append(rng.choice((
            f'a{level}: &a{level} [{", ".join(names)}]',
            f'a{level}: &a{level} {{<<: [{", ".join(names)}]}}',
            f'a{level}: &a{level} {{' + ', '.join(
                f'x{k}: {name}' for k, name in enumerate(names)) + '}')))
    text = rng.choice(whole).decode()
    return ('\n'.join(lines) + '\n'
            + text.replace('args: {', f'args: {{x: *a{depth - 1}, ', 1)
            + rng.choice(('', f'\nmore: *a{depth - 1}', f'\noptimizer: *a{depth - 1}'))).encode()
