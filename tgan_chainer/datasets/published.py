"""Files that others published and a command needs: address, size and checksum of each.

None of the addresses could be tried where this was written. Size and checksum of Moving MNIST and
of the split lists are those that TensorFlow Datasets records for them; those of the mean clip
were measured.
"""
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Published:
    """A published file; printed, it is what an error says of a file that is missing."""

    path: str                    #: Where it is expected.
    what: str                    #: What it holds.
    address: str                 #: Of the file, or, without a checksum, of the page that has it.
    size: int | str              #: In bytes; or in words, as far as it is known.
    sha256: str | None = None    #: None: it is not known, and the file not fetched.
    then: str = ''               #: What to do with a file that is not fetched.

    def __str__(self):
        size = f'{self.size:,} bytes' if isinstance(self.size, int) else self.size
        checksum = f'sha256 {self.sha256}' if self.sha256 else 'no checksum is known'
        return (f'{Path(self.path).name} as published at {self.address} ({self.what}; {size}, '
                f'{checksum})')


PUBLISHED = {
    'moving-mnist': Published(
        'data/mnist_test_seq.npy', 'Moving MNIST of Srivastava et al. 2015',
        'http://www.cs.toronto.edu/~nitish/unsupervised_video/mnist_test_seq.npy', 819_200_096,
        'c2a3e8d3939c001ab77bf543f130157424efa486bb4d0974d2cebb773b13f8b3'),
    'ucf101-splits': Published(
        'data/UCF101TrainTestSplits-RecognitionTask.zip', 'split lists of UCF-101',
        'https://www.crcv.ucf.edu/data/UCF101/UCF101TrainTestSplits-RecognitionTask.zip', 113_943,
        '5c0d1a53b8ed364a2ac830a73f405e51bece7d98ce1254fd19ed4a36b224bd27'),
    'mean': Published(
        'data/mean2.npz', "the mean clip of C3D's videos",
        'https://github.com/pfnet-research/tgan/releases/download/v1.0.0/mean2.npz', 3_771_774,
        'f981f1e195822705d13bebadabeb2b5583a709696c3b14e5465a96da4cb2ade0'),
    'c3d': Published(
        'data/conv3d_deepnetA_ucf.npz', 'C3D fine-tuned on UCF-101',
        'https://github.com/pfnet-research/tgan2/releases', 'v1.0, about 310 MB'),
    'ucf101': Published(
        'data/UCF101.rar', 'UCF-101 of Soomro et al. 2012, 13,320 videos',
        'https://www.crcv.ucf.edu/data/UCF101.php', '6.5 GB',
        then='unpack it in data/ (unrar x UCF101.rar), and run tgan make-ucf101'),
    'golf': Published(
        'data/golf.tar.bz2', 'golf videos of Vondrick et al. 2016',
        'http://carlvondrick.com/tinyvideo/', 'size not known',
        then='unpack it in data/golf/, and run tgan make-golf'),
}
"""Argument of `tgan download` -> the file."""


def obtain(name):
    """What an error says to whoever lacks the file: what it is, and the command."""
    does = 'fetches it' if PUBLISHED[name].sha256 else 'says how to get it'
    return f'{PUBLISHED[name]}; tgan download {name} {does}'
