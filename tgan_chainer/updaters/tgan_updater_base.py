"""What all updaters share: batches, latent vectors, the forward pass, and who is updated when."""
import contextlib

import chainer
import chainer.functions as F
import numpy as np
from chainer.training.updaters import StandardUpdater

from tgan_chainer.functions.cpu.parallel import single_threaded_blas
from tgan_chainer.models.sampling import draw_z_slow, first_generator, generate_video
from tgan_chainer.models.system import System


class TGANUpdaterBase(StandardUpdater):
    """One training step of TGAN (paper Algorithm 1 with n_D = 1; order as in FACTS §3).

    A subclass defines :meth:`update_core` from these steps, each of which may be overridden:
    :meth:`_get_real_video`, :meth:`_get_seeds`, :meth:`_generate_fake_video`, :meth:`forward`.

    The fake videos of a conditional system are of the same categories as the real ones of the
    batch: ``labels`` below are its one array (B,) of int32, and no argument in every other system.

    Args:
        models: The networks (fsgen, vgen, vdis) of a system.
        iterator: Iterator of examples (T, C, H, W) in [-1, 1], or of pairs of them and a label.
        optimizer (dict): Their optimizers, by the names 'fsgen' (if any), 'vgen', 'vdis'.
        device: See ``chainer.training.updaters.StandardUpdater``.
        shuffle_time_order (float or None): Probability p of keeping the order of time. With
            probability 1 - p one permutation of time is applied to all fake videos of the batch
            and another to all real ones. None never shuffles and draws no random number.

    Attributes:
        losses (tuple of str): Names under ``vdis/`` that the updater reports.
        critic_scale (tuple): For the GAM, 1 where D is trained to score real videos higher, else
            -1; and the score between both kinds, None where D has no zero of its own, as a
            Wasserstein critic (paper, on Table 3).

    Raises:
        ValueError: ``shuffle_time_order`` is outside [0, 1]; D returns a pair of scores and the
            updater takes one, or the other way round.
    """

    losses = ('loss_gen', 'loss_dis')
    critic_scale = 1, None
    takes_pair = False    # of scores, as VideoAndFrameDiscriminator returns it

    def __init__(self, models, iterator, optimizer, device=None,
                 shuffle_time_order: float | None = None):
        super().__init__(iterator, optimizer, device=device)
        if shuffle_time_order is not None and not 0 <= shuffle_time_order <= 1:
            raise ValueError(
                f'shuffle_time_order is {shuffle_time_order}: expected a probability in [0, 1]')
        self.fsgen, self.vgen, self.vdis = models
        self._generators = [name for name in System(*models).networks if name != 'vdis']
        self.shuffle_time_order = shuffle_time_order
        if self.takes_pair != self.vdis.returns_pair:
            returned, taken = (('one score', 'a pair of scores')[pair]
                               for pair in (self.vdis.returns_pair, self.takes_pair))
            other = 'SVC' if self.takes_pair else 'VideoFrameDis'
            raise ValueError(f'{type(self.vdis).__name__} returns {returned}, '
                             f'{type(self).__name__} takes {taken}; take TGANUpdaterWGAN{other}')

    def update(self):
        # Our CPU kernels have threads of their own, beside which BLAS has one.
        ours = chainer.config.tgan_cpu_kernels == 'tgan'
        with single_threaded_blas() if ours else contextlib.nullcontext():
            super().update()

    def _get_real_video(self):
        """Take the next batch (B, T, C, H, W) -> Variable (B, C, T, H, W), or that and labels."""
        batch = self.converter(self.get_iterator('main').next(), self.input_device)
        video, *labels = batch if isinstance(batch, tuple) else (batch,)
        video = chainer.Variable(video.transpose(0, 2, 1, 3, 4).astype(
            chainer.get_dtype(), copy=False))
        return (video, *labels) if labels else video

    def _get_seeds(self, batchsize, *labels):
        """Draw z_slow (B, Ks), make z_fast (B, Kf, T) = G0(z_slow), None without G0: Variables."""
        z_slow = chainer.Variable(draw_z_slow(first_generator(self.fsgen, self.vgen), batchsize))
        return z_slow, None if self.fsgen is None else self.fsgen(z_slow, *labels)

    def _generate_fake_video(self, z_slow, z_fast, *labels):
        """z_slow (B, Ks), z_fast (B, Kf, T) -> video (B, C, T, H, W) in [-1, 1]."""
        return generate_video(self.vgen, z_slow, z_fast, *labels)

    def forward(self):
        """Run all networks once -> real, fake, D(fake), D(real).

        D sees the fake batch first, then the real one: two batches for its batch normalisation,
        whose running statistics keep that order.
        """
        batch = self._get_real_video()
        real, *labels = batch if isinstance(batch, tuple) else (batch,)
        z_slow, z_fast = self._get_seeds(len(real), *labels)
        fake = self._generate_fake_video(z_slow, z_fast, *labels)
        if self._shuffles_time():
            fake, real = permute_time(fake), permute_time(real)
        return real, fake, self.vdis(fake, *labels), self.vdis(real, *labels)

    def _shuffles_time(self):
        return self.shuffle_time_order is not None and np.random.rand() > self.shuffle_time_order

    def _update_generators(self, variable, grad):
        """Update the generators by the gradient of their loss: ``grad`` at ``variable``."""
        for name in self._generators:
            getattr(self, name).cleargrads()
        variable.grad = grad
        variable.backward()
        for name in self._generators:
            self.get_optimizer(name).update()

    def _report(self, **losses):
        """Report losses under the authors' keys, ``vdis/NAME``."""
        chainer.report(losses, self.vdis)


def permute_time(video):
    """Put the frames of all videos (B, C, T, H, W) into one random order."""
    order = np.arange(video.shape[2], dtype=np.int32)
    np.random.shuffle(order)
    return F.permutate(video, video.xp.asarray(order), axis=2)
