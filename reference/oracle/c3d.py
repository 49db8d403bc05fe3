"""C3D (Tran et al. 2015), the classifier behind the inception score, and its input under `tgan-v1`.

The paper's scores come from C3D trained on Sports-1M and fine-tuned on UCF-101 (Table 4).
"""
import numpy as np

from reference.oracle import layers, resize

#: Convolutions in order with their output channels; all 3x3x3, stride 1, pad 1, with ReLU.
CONVOLUTIONS = (
    ('conv1a', 64), ('conv2a', 128), ('conv3a', 256), ('conv3b', 256),
    ('conv4a', 512), ('conv4b', 512), ('conv5a', 512), ('conv5b', 512))

#: Max pooling after a convolution: its name and window, (time, rows, columns).
POOLS = {
    'conv1a': ('pool1', (1, 2, 2)), 'conv2a': ('pool2', (2, 2, 2)), 'conv3b': ('pool3', (2, 2, 2)),
    'conv4b': ('pool4', (2, 2, 2)), 'conv5b': ('pool5', (2, 2, 2))}

#: Fully connected layers as (out, in): 101 classes of UCF-101 at the end.
LINEARS = (('fc6', (4096, 512 * 4 * 4)), ('fc7', (4096, 4096)), ('fc8', (101, 4096)))

#: Initial standard deviation of W, and initial bias (measured: they reproduce the recorded bytes).
CONVOLUTION_INIT = (0.01, 0)
LINEAR_INIT = (0.005, 1)

#: Frames are resized to this, the released mean's columns cut to it, and both cropped to `CROP`.
RESIZED = 128
MEAN_SHAPE = (3, 16, 128, 171)
MEAN_COLUMNS = slice(21, 149)
CROP = slice(8, 120)


def init(rng):
    """The authors' initial arrays by key (`conv1a/W`, ...), float32, in the order of the layers.

    Args:
        rng: `numpy.random.RandomState`.
    """
    widths = [3, *(n_out for _, n_out in CONVOLUTIONS)]
    shapes = [(name, (n_out, n_in, 3, 3, 3), CONVOLUTION_INIT)
              for n_in, (name, n_out) in zip(widths, CONVOLUTIONS, strict=False)]
    shapes += [(name, shape, LINEAR_INIT) for name, shape in LINEARS]
    arrays = {}
    for name, shape, (std, bias) in shapes:
        arrays[f'{name}/W'] = rng.normal(0, std, shape).astype(np.float32)
        arrays[f'{name}/b'] = np.full(shape[0], bias, np.float32)
    return arrays


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
    for name, _ in CONVOLUTIONS:
        x = stages[name] = layers.relu(layers.add_bias(
            layers.conv(x, arrays[f'{name}/W'], pad=1), arrays[f'{name}/b']))
        if name in POOLS:
            pool, window = POOLS[name]
            x = stages[pool] = layers.max_pool(x, window)
    x = x.reshape(len(x), -1)
    for name, _ in LINEARS:
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
