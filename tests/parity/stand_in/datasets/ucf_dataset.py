import h5py
import numpy as np
import pandas
from mnist_dataset import MovingMNISTDataset


class UCFDataset(MovingMNISTDataset):

    def __init__(self, n_frames, h5path, config_path, img_size=64):
        self.n_frames = n_frames
        self.img_size = img_size
        self.h5file = h5py.File(h5path, 'r')
        self.table = pandas.read_pickle(config_path)

    def __len__(self):
        return len(self.table)

    def get_example(self, i):
        row = self.table.iloc[i]
        start = row['start'] + self.offset(row['end'] - row['start'])
        return self.scaled(self.crop(self.h5file['image'][start:start + self.n_frames]))

    def crop(self, video):
        return video[:, :, :, 10:10 + self.img_size]


class UCFDatasetAugmented(UCFDataset):

    def crop(self, video):
        left = np.random.randint(video.shape[3] - self.img_size)
        video = video[:, :, :, left:left + self.img_size]
        return video[:, :, :, ::-1] if np.random.rand() > 0.5 else video
