import chainer
import chainer.functions as F
import numpy as np


class TGANUpdaterBase(chainer.training.StandardUpdater):

    def __init__(self, models, iterator, optimizer, device=-1, shuffle_time_order=None):
        super().__init__(iterator, optimizer, device=device)
        self.fsgen, self.vgen, self.vdis = models
        self.shuffle_time_order = shuffle_time_order

    def _get_real_video(self):
        videos = self.vdis.xp.asarray(self.get_iterator('main').next())
        return chainer.Variable(videos.transpose(0, 2, 1, 3, 4))

    def _get_seeds(self, batchsize):
        z_slow = self.fsgen.xp.random.uniform(-1, 1, (batchsize, self.fsgen.z_slow_dim))
        z_slow = chainer.Variable(z_slow.astype('f'))
        return z_slow, self.fsgen(z_slow)

    def _generate_fake_video(self, z_slow, z_fast):
        n, k_fast, frames = z_fast.shape
        slow = F.reshape(F.stack([z_slow] * frames, axis=1), (n * frames, z_slow.shape[1]))
        fast = F.reshape(F.transpose(z_fast, (0, 2, 1)), (n * frames, k_fast))
        video = self.vgen(slow, fast)
        return F.transpose(F.reshape(video, (n, frames) + video.shape[1:]), (0, 2, 1, 3, 4))

    def forward(self):
        real = self._get_real_video()
        fake = self._generate_fake_video(*self._get_seeds(len(real.data)))
        p = self.shuffle_time_order
        if p is not None and np.random.rand() > p:
            fake, real = self.shuffle(fake), self.shuffle(real)
        fake_score = self.vdis(fake)
        return real, fake, fake_score, self.vdis(real)

    def shuffle(self, video):
        order = np.arange(video.shape[2])
        np.random.shuffle(order)
        return F.concat([video[:, :, t:t + 1] for t in order], axis=2)

    def step(self, fake, loss_gen, loss_dis, keep=False):
        for network in (self.fsgen, self.vgen, self.vdis):
            network.cleargrads()
        loss_gen.backward()
        self.get_optimizer('fsgen').update()
        self.get_optimizer('vgen').update()
        fake.unchain_backward()
        if not keep:
            self.vdis.cleargrads()
        loss_dis.backward()
        self.get_optimizer('vdis').update()
