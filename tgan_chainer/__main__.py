"""`tgan COMMAND ...`, or `python -m tgan_chainer COMMAND ...`; `COMMAND --help` tells more."""
import difflib
import importlib
import sys

from tgan_chainer import __version__
from tgan_chainer.commands.run import run_command
from tgan_chainer.errors import EXIT_OK, ConfigError

COMMANDS = {
    'doctor': ('commands.doctor', 'what is installed here, what data there is, what to do next'),
    'train': ('commands.train', 'train an experiment'),
    'infer': ('commands.infer', 'make videos with a trained system'),
    'interpolate': ('commands.interpolate', 'make videos with frames between those of G0'),
    'figures': ('commands.figures', "counterparts of the paper's figures"),
    'export': ('commands.export', 'write networks as ONNX and safetensors, for other programs'),
    'visualizer': ('commands.visualizer', 'turn a preview image back into movies'),
    'download': ('commands.download', 'fetch a data set or weights, or say how to get them'),
    'make-moving-mnist': ('prepare.moving_mnist', 'make videos like those of Moving MNIST'),
    'make-ucf101': ('prepare.ucf101', 'pack UCF-101 into the files that a training reads'),
    'make-golf': ('prepare.golf', "make the table of the golf data's folders"),
    'calc-inception': ('evaluation.calc_inception', 'inception score of a system or a data set'),
    'batch-inception': ('evaluation.batch_inception', 'inception scores of many trained systems'),
    'gam': ('evaluation.gam', 'generative adversarial metric of two trained systems'),
    'tile-prediction': ('evaluation.tile_prediction', 'movie of the videos C3D is surest of'),
    'quality': ('evaluation.video_quality', 'how good videos of moving digits are, in our numbers'),
    'convert-c3d': ('evaluation.convert_c3d', "C3D's weights from its authors' caffemodel"),
}
"""Command -> the module of this package whose ``main`` it is, and what it does."""


def main(argv=None):
    """Run the command that the first argument names, with - or _ in its name -> its exit code."""
    return run_command(_run, sys.argv[1:] if argv is None else argv)


def _run(argv):
    name, *rest = argv or ['--help']
    module, _ = COMMANDS.get(name.replace('_', '-'), (None, None))
    if module:
        return importlib.import_module(f'tgan_chainer.{module}').main(rest)
    if argv == ['--version']:
        print(f'tgan_chainer {__version__}')
    elif name in ('-h', '--help'):
        width = max(map(len, COMMANDS))
        print('usage: tgan COMMAND ...  (COMMAND --help tells its flags)\n',
              *(f'  {name:{width}}  {what}' for name, (_, what) in COMMANDS.items()), sep='\n')
    else:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f'did you mean {close[0]!r}? ' if close else ''
        raise ConfigError(f'there is no command {name!r}; {hint}tgan --help lists them')
    return EXIT_OK


if __name__ == '__main__':
    raise SystemExit(main())
