"""`tgan COMMAND ...`, or `python -m tgan_chainer COMMAND ...`; `COMMAND --help` tells more."""
import sys

from tgan_chainer import __version__
from tgan_chainer.commands.run import dispatch
from tgan_chainer.errors import EXIT_OK

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
    """Run the command that the first argument names; returns its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments == ['--version']:
        print(f'tgan_chainer {__version__}')
        return EXIT_OK
    return dispatch('tgan', 'tgan_chainer', COMMANDS, arguments)


if __name__ == '__main__':
    raise SystemExit(main())
