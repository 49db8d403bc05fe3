import chainer
import chainer.functions as F
import chainer.links as L
import numpy as np
from tgan_updater_base import TGANUpdaterBase

BOUND = 1


class Wasserstein(TGANUpdaterBase):

    def update_core(self):
        _, fake, fake_score, real_score = self.forward()
        n = len(fake.data)
        loss_gen = -self.total(fake_score) / n
        loss_dis = self.total(fake_score) / n - self.total(real_score) / n
        self.step(fake, loss_gen, loss_dis)
        self.constrain()
        chainer.report({'loss_gen': loss_gen, 'loss_dis': loss_dis}, self.vdis)

    def total(self, scores):
        return F.sum(scores)


class TGANUpdaterWGANClip(Wasserstein):

    def constrain(self):
        for param in self.vdis.params():
            param.data = self.vdis.xp.clip(param.data, -0.01, 0.01)


class TGANUpdaterWGANSVC(Wasserstein):

    def __init__(self, models, iterator, optimizer, device=-1, freq=1, shuffle_time_order=None):
        super().__init__(models, iterator, optimizer, device, shuffle_time_order)
        self.freq = freq
        self.updates = 0

    def constrain(self):
        self.updates += 1
        if self.updates % self.freq:
            return
        xp = self.vdis.xp
        for param in self.vdis.params():
            if param.ndim >= 4:
                param.data = xp.asarray(clipped(param.data.get()))
        for link in self.vdis.links():
            if isinstance(link, L.BatchNormalization):
                s = np.sqrt(link.avg_var.get())
                link.gamma.data = xp.asarray(np.clip(link.gamma.data.get(), 0.01 * s, s))


class TGANUpdaterWGANParallelSVC(TGANUpdaterWGANSVC):
    pass


class TGANUpdaterWGANVideoFrameDis(TGANUpdaterWGANSVC):

    def total(self, scores):
        return F.sum(scores[0]) + F.sum(scores[1])


def clipped(weight):
    u, s, vt = np.linalg.svd(weight.reshape(len(weight), -1), full_matrices=False)
    return np.dot(u * np.minimum(s, BOUND), vt).reshape(weight.shape)
