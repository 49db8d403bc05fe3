import os
import random

import numpy as np
import pandas
from mnist_dataset import MovingMNISTDataset
from PIL import Image


class GolfDataset(MovingMNISTDataset):

    def __init__(self, n_frames, root_path, config_path):
        self.n_frames = n_frames
        self.root_path = root_path
        self.table = pandas.read_pickle(config_path)

    def __len__(self):
        return len(self.table)

    def get_example(self, i):
        row = self.table.iloc[i]
        name = '{:04d}.jpg'.format(random.randint(row['start'], row['end']))
        strip = Image.open(os.path.join(self.root_path, row['path'], name))
        frames = strip.size[1] // 128
        pixels = np.asarray(strip.resize((64, 64 * frames), Image.NEAREST))
        video = pixels.reshape(frames, 64, 64, 3).transpose(0, 3, 1, 2)
        offset = self.offset(frames)
        return self.scaled(self.augment(video[offset:offset + self.n_frames]))

    def augment(self, video):
        return video


class GolfDatasetAugmented(GolfDataset):

    def augment(self, video):
        return video[:, :, :, ::-1] if np.random.rand() > 0.5 else video
