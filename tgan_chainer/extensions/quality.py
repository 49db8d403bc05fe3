"""Whether a training of moving digits gets better, in the log."""
import chainer
from chainer.training import extension

from tgan_chainer.errors import DataError
from tgan_chainer.evaluation import video_quality
from tgan_chainer.evaluation.digit_classifier import load_classifier

N_VIDEOS = 128    #: Generated ones that are measured each time.


def require_videos(found, n=N_VIDEOS):
    """Raise a DataError unless so many videos are enough to measure the quality of n."""
    if found < 2 * n:
        raise DataError(f'quality_interval: found {found} videos, expected at least {2 * n}; train '
                        'on more, or with --set quality_interval=null')


class Quality(extension.Extension):
    """Add ``quality/NAME`` to the log for every NAME of :class:`.ledger.QualityRecord`.

    ``quality/real_frechet`` and ``quality/real_inception`` are those of real videos, the best that
    can be expected. Latent vectors and real videos are chosen once, by a generator of their own.

    Raises:
        TGANError: The data set has fewer than 2 n, or no such videos as are measured.
    """

    name = 'quality'
    priority = extension.PRIORITY_WRITER

    def __init__(self, fsgen, vgen, dataset, n=N_VIDEOS, seed=0):
        require_videos(len(dataset), n)
        real = video_quality.real_videos(dataset, 2 * n, seed)
        self._classifier = load_classifier()
        self._real, others = (
            video_quality.statistics(part, self._classifier) for part in (real[:n], real[n:]))
        others = video_quality.compare(others, self._real)
        self._of_others = {'real_frechet': others.frechet, 'real_inception': others.inception}
        self._generate = lambda: video_quality.generated_videos(fsgen, vgen, n, seed)

    def __call__(self, trainer):
        found = video_quality.statistics(self._generate(), self._classifier)
        values = video_quality.compare(found, self._real).model_dump() | self._of_others
        chainer.report({f'quality/{name}': value for name, value in values.items()})
