import chainer
import numpy as np

LEVELS = 128


class MovingMNISTDataset(chainer.dataset.DatasetMixin):

    def __init__(self, n_frames, dataset_path):
        self.n_frames = n_frames
        self.videos = np.load(dataset_path)

    def __len__(self):
        return self.videos.shape[1]

    def get_example(self, i):
        offset = self.offset(len(self.videos))
        return self.scaled(self.videos[offset:offset + self.n_frames, i, np.newaxis])

    def offset(self, frames):
        spare = frames - self.n_frames
        return np.random.randint(spare) if spare else 0

    def scaled(self, video):
        return (video - np.float32(LEVELS)) / np.float32(LEVELS)
