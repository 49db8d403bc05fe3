"""What all updaters share: batches, latent vectors, the forward pass, and who is updated when."""
import chainer
import chainer.functions as F
import numpy as np
from chainer.training.updaters import StandardUpdater

from tgan_chainer.models.sampling import draw_z_slow, generate_video


class TGANUpdaterBase(StandardUpdater):
    """One training step of TGAN (paper Algorithm 1 with n_D = 1; order as in FACTS §3).

    A subclass defines :meth:`update_core` from these steps, each of which may be overridden:
    :meth:`_get_real_video`, :meth:`_get_seeds`, :meth:`_generate_fake_video`, :meth:`forward`.

    Args:
        models: The three networks (fsgen, vgen, vdis): G0, G1 and D.
        iterator: Iterator of examples (T, C, H, W) in [-1, 1].
        optimizer (dict): Their optimizers, by the names 'fsgen', 'vgen', 'vdis'.
        device: Where the networks and the batches go; None leaves the networks where they are.
        shuffle_time_order (float or None): Probability p of keeping the order of time. With
            probability 1 - p one permutation of time is applied to all fake videos of the batch
            and another to all real ones. None never shuffles and draws no random number.

    Attributes:
        losses (tuple of str): Names under ``vdis/`` that the updater reports.

    Raises:
        ValueError: ``shuffle_time_order`` is outside [0, 1].
    """

    losses = ('loss_gen', 'loss_dis')

    def __init__(self, models, iterator, optimizer, device=None,
                 shuffle_time_order: float | None = None):
        super().__init__(iterator, optimizer, device=device)
        if shuffle_time_order is not None and not 0 <= shuffle_time_order <= 1:
            raise ValueError(
                f'shuffle_time_order is {shuffle_time_order}: expected a probability in [0, 1]')
        self.fsgen, self.vgen, self.vdis = models
        self.shuffle_time_order = shuffle_time_order

    def _get_real_video(self):
        """Take the next batch (B, T, C, H, W) -> Variable (B, C, T, H, W)."""
        batch = self.converter(self.get_iterator('main').next(), self.input_device)
        return chainer.Variable(batch.transpose(0, 2, 1, 3, 4).astype(
            chainer.get_dtype(), copy=False))

    def _get_seeds(self, batchsize):
        """Draw z_slow (B, Ks) and make z_fast (B, Kf, T) = G0(z_slow), both Variables."""
        z_slow = chainer.Variable(draw_z_slow(self.fsgen, batchsize))
        return z_slow, self.fsgen(z_slow)

    def _generate_fake_video(self, z_slow, z_fast):
        """z_slow (B, Ks), z_fast (B, Kf, T) -> video (B, C, T, H, W) in [-1, 1]."""
        return generate_video(self.vgen, z_slow, z_fast)

    def forward(self):
        """Run all networks once -> real, fake, D(fake), D(real).

        D sees the fake batch first and the real one second, in two calls: two batches for its
        batch normalisation, and that order in its running statistics.
        """
        real = self._get_real_video()
        fake = self._generate_fake_video(*self._get_seeds(len(real)))
        if self._shuffles_time():
            fake, real = permute_time(fake), permute_time(real)
        return real, fake, self.vdis(fake), self.vdis(real)

    def _shuffles_time(self):
        return self.shuffle_time_order is not None and np.random.rand() > self.shuffle_time_order

    def _update_generators(self):
        """Update G0 and G1 by the gradients they hold."""
        self.get_optimizer('fsgen').update()
        self.get_optimizer('vgen').update()

    def _clear_generator_gradients(self):
        self.fsgen.cleargrads()
        self.vgen.cleargrads()

    def _report(self, **losses):
        """Report losses under the authors' keys, ``vdis/NAME``."""
        chainer.report(losses, self.vdis)


def permute_time(video):
    """Put the frames of all videos (B, C, T, H, W) into one random order."""
    order = np.arange(video.shape[2], dtype=np.int32)
    np.random.shuffle(order)
    return F.permutate(video, video.xp.asarray(order), axis=2)
