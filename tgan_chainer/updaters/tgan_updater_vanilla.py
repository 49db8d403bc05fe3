"""The GAN of Goodfellow et al. (2014) with the generator's non-saturating loss."""
import chainer
import chainer.functions as F

from tgan_chainer.updaters.tgan_updater_base import TGANUpdaterBase


class TGANUpdaterVanilla(TGANUpdaterBase):
    """Sigmoid cross entropy of D's output, a logit, against the authors' labels (FACTS §3).

    In D's loss 1 is fake and 0 is real; in the generators' loss fake is 0.
    """

    losses = ('loss_dis_fake', 'loss_dis_real')
    critic_scale = -1, 0.0

    def update_core(self):
        _, fake, d_fake, d_real = self.forward()
        loss_gen = cross_entropy(d_fake, 0)
        loss_dis_fake = cross_entropy(d_fake, 1)
        loss_dis_real = cross_entropy(d_real, 0)

        # D's own gradient of the generators' loss would be thrown away: it is not computed.
        fake_grad, = chainer.grad([loss_gen], [fake])
        self._update_generators(fake, fake_grad.array)

        fake.unchain_backward()
        self.vdis.cleargrads()
        (loss_dis_fake + loss_dis_real).backward()
        self.get_optimizer('vdis').update()
        self._report(loss_dis_fake=loss_dis_fake, loss_dis_real=loss_dis_real)


def cross_entropy(logits, label):
    """Mean sigmoid cross entropy of ``logits`` (B, 1, 1, 1) against one ``label``, 0 or 1."""
    labels = chainer.backend.get_array_module(logits).full(logits.shape, label, 'i')
    return F.sigmoid_cross_entropy(logits, labels)
