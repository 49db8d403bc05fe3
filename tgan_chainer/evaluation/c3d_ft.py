"""C3D (Tran et al. 2015), the classifier of videos behind the inception score."""
import collections
import itertools

import chainer
import chainer.functions as F
import chainer.links as L
import numpy as np
from chainer import initializers

from tgan_chainer.functions import max_pooling_3d, relu
from tgan_chainer.links import ConvolutionND

INPUT_SHAPE = (3, 16, 112, 112)    #: Channels (BGR), frames, rows and columns of one clip.

# Output channels of the convolutions, and the max pooling that follows some of them: its name and
# its window (time, rows, columns).
_CONVOLUTIONS = (
    ('conv1a', 64, ('pool1', (1, 2, 2))),
    ('conv2a', 128, ('pool2', (2, 2, 2))),
    ('conv3a', 256, None),
    ('conv3b', 256, ('pool3', (2, 2, 2))),
    ('conv4a', 512, None),
    ('conv4b', 512, ('pool4', (2, 2, 2))),
    ('conv5a', 512, None),
    ('conv5b', 512, ('pool5', (2, 2, 2))),
)
_POOLED_SIZE = 512 * 4 * 4    # 7 x 7 becomes 4 x 4, since Chainer's pooling covers all of its input
_HIDDEN = 4096
_DROPOUT_RATIO = 0.5


class C3D(chainer.Chain):
    """C3D: clips (B, 3, 16, 112, 112) -> probabilities (B, n_classes).

    Eight 3 x 3 x 3 convolutions with ReLU, five max poolings that cover all of their input, and
    three fully connected layers (FACTS §6). The paper's scores are those of the weights fine-tuned
    on UCF-101, the authors' conv3d_deepnetA_ucf.npz, whose keys are this network's: conv1a/W,
    conv1a/b, ... fc8/b. New weights are the authors': W normal with standard deviation 0.01 in the
    convolutions and 0.005 in the others, b 0 and 1.
    """

    def __init__(self, n_classes: int = 101):
        super().__init__()
        # The order of creation is the authors': one seed gives their bytes.
        with self.init_scope():
            in_channels = INPUT_SHAPE[0]
            for name, out_channels, _ in _CONVOLUTIONS:
                setattr(self, name, ConvolutionND(
                    3, in_channels, out_channels, 3, 1, 1,
                    initialW=initializers.Normal(0.01), initial_bias=0))
                in_channels = out_channels
            w = {'initialW': initializers.Normal(0.005), 'initial_bias': 1}
            self.fc6 = L.Linear(_POOLED_SIZE, _HIDDEN, **w)
            self.fc7 = L.Linear(_HIDDEN, _HIDDEN, **w)
            self.fc8 = L.Linear(_HIDDEN, n_classes, **w)

    def forward(self, x, masks=()):
        """Clips (B, 3, 16, 112, 112), BGR minus the mean clip -> probabilities (B, n_classes).

        Without ``masks``, which :meth:`draw_masks` draws, dropout is off, whatever Chainer's mode.
        """
        (_, probabilities), = collections.deque(self.stages(x, masks), maxlen=1)
        return probabilities

    def draw_masks(self, n):
        """Draw what dropout after fc6, then fc7 multiplies ``n`` clips by: (n, 4096) of 0 and 2.

        From the global generator of the device, as Chainer 2 does it (FACTS §11). Chainer 7 leaves
        it to cuDNN where it can, whose generator no seed of ours reaches.
        """
        dtype = {} if self.xp is np else {'dtype': np.float32}
        masks = []
        for layer in (self.fc6, self.fc7):
            kept = self.xp.random.rand(n, len(layer.b), **dtype) >= _DROPOUT_RATIO
            masks.append(kept * layer.b.dtype.type(1 / (1 - _DROPOUT_RATIO)))
        return tuple(masks)

    def stages(self, x, masks=()):
        """Yield (name, Variable) of every layer as it is computed: conv1a, pool1, ... fc8, prob.

        Convolutions, fc6 and fc7 come after their ReLU and before dropout. One layer at a time: of
        48 clips conv1a alone takes 2.5 GB.
        """
        if x.shape[1:] != INPUT_SHAPE:
            raise ValueError(f'C3D got clips of shape {x.shape}, expected (B, 3, 16, 112, 112)')
        h = x
        for name, _, pool in _CONVOLUTIONS:
            h = relu(self[name](h))
            yield name, h
            if pool:
                h = max_pooling_3d(h, pool[1])
                yield pool[0], h
        for name, mask in itertools.zip_longest(('fc6', 'fc7'), masks):
            h = F.relu(self[name](h))
            yield name, h
            if mask is not None:
                h = h * mask
        h = self.fc8(h)
        yield 'fc8', h
        yield 'prob', F.softmax(h)
