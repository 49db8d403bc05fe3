"""`tgan COMMAND ...`, or `python -m tgan_chainer COMMAND ...`; `COMMAND --help` tells more."""
import sys

from tgan_chainer import __version__
from tgan_chainer.command import EXIT_OK, dispatch

COMMANDS = {
    'doctor': 'what is installed here, what data there is, and what to do next',
    'train': 'train an experiment',
    'infer': 'make videos with a trained system',
    'interpolate': 'make videos with frames between those of G0',
    'figures': "counterparts of the paper's figures",
    'visualizer': 'turn a preview picture back into movies',
    'make_moving_mnist': 'make videos like those of Moving MNIST',
    'make_ucf101': 'pack UCF-101 into the files that a training reads',
    'make_golf': "make the table of the golf data's folders",
    'evaluation.calc_inception': 'inception score of a trained system, or of a data set',
    'evaluation.batch_inception': 'inception scores of many trained systems',
    'evaluation.gam': 'generative adversarial metric of two trained systems',
    'evaluation.tile_prediction': 'movie of the videos that C3D is surest of',
    'evaluation.quality': 'how good videos of moving digits are, in numbers of our own',
    'evaluation.convert_c3d': "C3D's weights from its authors' caffemodel",
    'evaluation.train_digit_classifier': 'train the classifier that quality measures by',
}
"""Module of this package -> what it does."""


def main(argv=None):
    """Run the command that the first argument names; returns its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments == ['--version']:
        print(f'tgan_chainer {__version__}')
        return EXIT_OK
    return dispatch('tgan', 'tgan_chainer', COMMANDS, arguments,
                    light=('train', 'infer', 'interpolate'))


if __name__ == '__main__':
    raise SystemExit(main())
