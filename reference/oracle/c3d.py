"""C3D (Tran et al. 2015), the classifier behind the inception score, and its input under `tgan-v1`.

The paper's scores come from C3D trained on Sports-1M and fine-tuned on UCF-101 (Table 4).
"""
import numpy as np

from reference.oracle import layers, resize

#: Convolutions in order; all 3x3x3, stride 1, pad 1, with ReLU.
CONVOLUTIONS = ('conv1a', 'conv2a', 'conv3a', 'conv3b', 'conv4a', 'conv4b', 'conv5a', 'conv5b')

#: Max pooling after a convolution: its name and window, (time, rows, columns).
POOLS = {
    'conv1a': ('pool1', (1, 2, 2)), 'conv2a': ('pool2', (2, 2, 2)), 'conv3b': ('pool3', (2, 2, 2)),
    'conv4b': ('pool4', (2, 2, 2)), 'conv5b': ('pool5', (2, 2, 2))}

#: Fully connected layers; the last has the 101 classes of UCF-101.
LINEARS = ('fc6', 'fc7', 'fc8')

#: Frames are resized to this, the released mean's columns cut to it, and both cropped to `CROP`.
RESIZED = 128
MEAN_SHAPE = (3, 16, 128, 171)
MEAN_COLUMNS = slice(21, 149)
CROP = slice(8, 120)


def forward(arrays, x):
    """Every layer's activation in test mode (no dropout).

    Args:
        arrays: Weights by key, W of convolutions (out, in, 3, 3, 3); any float dtype.
        x: (N, 3, 16, 112, 112), BGR, mean subtracted.

    Returns:
        dict in call order: conv1a, pool1, ... fc8 (N, 101), prob (N, 101), which sums to 1.

    Raises:
        ValueError: x has another shape.
    """
    if x.shape[1:] != (3, 16, 112, 112):
        raise ValueError(f'C3D input of shape {x.shape}: expected (N, 3, 16, 112, 112)')
    stages = {}
    x = np.asarray(x, np.float64)
    for name in CONVOLUTIONS:
        x = stages[name] = layers.relu(layers.add_bias(
            layers.conv(x, arrays[f'{name}/W'], pad=1), arrays[f'{name}/b']))
        if name in POOLS:
            pool, window = POOLS[name]
            x = stages[pool] = layers.max_pool(x, window)
    x = x.reshape(len(x), -1)
    for name in LINEARS:
        x = layers.add_bias(x @ arrays[f'{name}/W'].T, arrays[f'{name}/b'])
        x = stages[name] = x if name == 'fc8' else layers.relu(x)
    stages['prob'] = layers.softmax(x)
    return stages


def preprocess_tgan_v1(video, mean):
    """Generated videos as the authors' evaluation/calc_inception.py hands them to C3D.

    x * 128 + 128, neither clipped nor rounded; every frame to 128 x 128, bicubic; RGB to BGR; minus
    the mean's columns 21 to 148; rows and columns 8 to 119.

    Args:
        video: (N, 3, 16, H, W), RGB in [-1, 1].
        mean: (3, 16, 128, 171), array `mean` of the authors' mean2.npz, BGR in [0, 255].

    Returns:
        (N, 3, 16, 112, 112) float64, BGR.

    Raises:
        ValueError: One of the shapes is another.
    """
    if video.ndim != 5 or video.shape[1:3] != MEAN_SHAPE[:2]:
        raise ValueError(f'video of shape {video.shape}: expected (N, 3, 16, H, W)')
    if mean.shape != MEAN_SHAPE:
        raise ValueError(f'mean of shape {mean.shape}: expected {MEAN_SHAPE}')
    x = resize.resize_cubic(np.asarray(video, np.float64) * 128 + 128, RESIZED, RESIZED)
    x = x[:, ::-1] - mean[..., MEAN_COLUMNS]
    return x[..., CROP, CROP]
