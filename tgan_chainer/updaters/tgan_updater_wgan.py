"""Wasserstein GAN; a hook of D's optimizer keeps the critic Lipschitz (paper §3.3, §4)."""
import chainer
import chainer.functions as F

from tgan_chainer.hooks.singular_value_clipping import SingularValueClipping
from tgan_chainer.hooks.weight_clipping import WeightClipping
from tgan_chainer.updaters.tgan_updater_base import TGANUpdaterBase


class TGANUpdaterWGAN(TGANUpdaterBase):
    """loss_gen = -mean D(fake), loss_dis = mean D(fake) - mean D(real), with means over the batch.

    The generators are updated first, then D, from one forward pass of the same fake batch. The
    gradient of loss_dis at the fake video is the negative of that of loss_gen, so one backward
    pass through D serves both; a negation loses no bit.
    """

    def update_core(self):
        real, fake, d_fake, d_real = self.forward()
        batch = len(real)
        loss_gen = -self._mean(d_fake, batch)
        loss_dis = self._mean(d_fake, batch) - self._mean(d_real, batch)

        fake_grad = self._backward_critic(loss_dis, fake)
        self._update_generators(fake, -fake_grad)
        self.get_optimizer('vdis').update()
        self._report(loss_gen=loss_gen, loss_dis=loss_dis)

    def _mean(self, scores, batch):
        return F.sum(scores) / batch

    def _backward_critic(self, loss, fake):
        """Put the gradients of ``loss`` into D's parameters and return the one at ``fake``."""
        params = list(self.vdis.params(include_uninit=False))
        *grads, fake_grad = chainer.grad([loss], [*params, fake])
        for param, grad in zip(params, grads, strict=True):
            if grad is None:    # a parameter that the forward pass does not use (bn0)
                param.cleargrad()
            else:
                param.grad = grad.array
        return fake_grad.array


class TGANUpdaterWGANClip(TGANUpdaterWGAN):
    """WGAN whose critic's parameters are all clipped to [-0.01, 0.01] after every update."""

    def __init__(self, models, iterator, optimizer, device=None,
                 shuffle_time_order: float | None = None):
        super().__init__(models, iterator, optimizer, device, shuffle_time_order)
        self.get_optimizer('vdis').add_hook(WeightClipping(0.01))


class TGANUpdaterWGANSVC(TGANUpdaterWGAN):
    """WGAN with singular value clipping of the critic every ``freq`` updates (paper §4.2)."""

    def __init__(self, models, iterator, optimizer, device=None, freq: int = 1,
                 shuffle_time_order: float | None = None):
        super().__init__(models, iterator, optimizer, device, shuffle_time_order)
        self.get_optimizer('vdis').add_hook(SingularValueClipping(freq))


class TGANUpdaterWGANParallelSVC(TGANUpdaterWGANSVC):
    """Another name: the authors' clips by several processes, which changes no number."""


class TGANUpdaterWGANVideoFrameDis(TGANUpdaterWGANSVC):
    """WGAN with SVC of ``VideoAndFrameDiscriminator``, whose mean scores are added (FACTS §11)."""

    takes_pair = True

    def _mean(self, scores, batch):
        of_video, of_frames = scores
        return super()._mean(of_video, batch) + super()._mean(of_frames, batch)
