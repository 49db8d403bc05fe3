"""`python -m tgan_chainer COMMAND ...`: one of the commands; `COMMAND --help` tells more."""
from tgan_chainer.command import dispatch

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
    'evaluation.convert_c3d': "C3D's weights from its authors' caffemodel",
}
"""Module of this package -> what it does."""


def main(argv=None):
    """Run the command that the first argument names; returns its exit code."""
    return dispatch('tgan_chainer', COMMANDS, argv, light=('train', 'infer', 'interpolate'))


if __name__ == '__main__':
    raise SystemExit(main())
