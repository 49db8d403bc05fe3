import chainer
import chainer.functions as F
from tgan_updater_base import TGANUpdaterBase


class TGANUpdaterVanilla(TGANUpdaterBase):

    def update_core(self):
        _, fake, fake_score, real_score = self.forward()
        zeros = self.vdis.xp.zeros(fake_score.shape, 'i')
        loss_gen = F.sigmoid_cross_entropy(fake_score, zeros)
        loss_fake = F.sigmoid_cross_entropy(fake_score, zeros + 1)
        loss_real = F.sigmoid_cross_entropy(real_score, zeros)
        self.step(fake, loss_gen, loss_fake + loss_real)
        chainer.report({'loss_dis_fake': loss_fake, 'loss_dis_real': loss_real}, self.vdis)
