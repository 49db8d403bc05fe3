"""The worker of PyTorch in eager mode: the same networks and steps, written for this comparison.

    python torch_worker.py GPU

GPU is -1 for the CPU. Stands alone but for its neighbours: its interpreter needs PyTorch and
NumPy, nothing of this project.
"""
import itertools
import os
import platform
import sys
from functools import partial

sys.path.append(os.path.join(os.path.dirname(__file__), os.pardir, 'parity'))

import numpy as np
import recipe
from serving import UnavailableError, serve

try:
    import torch
    from torch import nn
except ImportError:
    torch = None
    nn = type('nn', (), {'Module': object, 'Sequential': object})


def batch_norm(cls, channels, beta=True):
    """Chainer 2's: its eps, and a running variance that starts at 0."""
    layer = cls(channels, recipe.BATCH_NORM_EPS)
    layer.running_var.zero_()
    if not beta:
        layer.bias = None
    return layer


class FrameSeedGenerator(nn.Sequential):
    """G0: (B, z) -> (B, z, 16)."""

    links = 'dc0 bn0 dc1 bn1 dc2 bn2 dc3 bn3 dc4'    # keys in a snapshot, in the order of layers

    def __init__(self, size):
        layers = []
        for a, b in itertools.pairwise((size['z'], 512, 256, 128, 128, size['z'])):
            layers += [nn.ConvTranspose1d(a, b, *((4, 2, 1) if layers else (1, 1, 0))),
                       batch_norm(nn.BatchNorm1d, b, beta=False), nn.ReLU()]
        super().__init__(nn.Unflatten(1, (-1, 1)), *layers[:-2], nn.Tanh())


class VideoGenerator(nn.Module):
    """G1: (B, z), (B, z) -> (B, C, 16 w, 16 w)."""

    links = 'l0s bn0s l0f bn0f dc1 bn1 dc2 bn2 dc3 bn3 dc4 bn4 dc5'

    def __init__(self, size):
        super().__init__()
        ch, width, layers = size['conv_ch'], size['width'], []
        flat = ch // 2 * width ** 2
        self.branches = nn.ModuleList(nn.Sequential(
            nn.Linear(size['z'], flat, bias=False), batch_norm(nn.BatchNorm1d, flat),
            nn.ReLU(), nn.Unflatten(1, (-1, width, width))) for _ in range(2))
        for i in range(4):
            layers += [nn.ConvTranspose2d(ch >> i, ch >> i + 1, 4, 2, 1, bias=False),
                       batch_norm(nn.BatchNorm2d, ch >> i + 1), nn.ReLU()]
        self.layers = nn.Sequential(
            *layers, nn.ConvTranspose2d(ch // 16, size['channels'], 3, 1, 1), nn.Tanh())

    def forward(self, *z):
        maps = [branch(part) for branch, part in zip(self.branches, z, strict=True)]
        return self.layers(torch.cat(maps, 1))


class VideoDiscriminator(nn.Sequential):
    """D: (B, C, 16, 16 w, 16 w) -> (B, 1, 1, 1)."""

    links = 'c0 c1 bn1 c2 bn2 c3 bn3 c4'

    def __init__(self, size):
        mid, slope = size['mid_ch'], recipe.LEAKY_SLOPE
        layers = [nn.Conv3d(size['channels'], mid, 4, 2, 1), nn.LeakyReLU(slope)]
        for i in range(3):
            layers += [nn.Conv3d(mid << i, mid << i + 1, 4, 2, 1),
                       batch_norm(nn.BatchNorm3d, mid << i + 1, beta=False),
                       nn.LeakyReLU(slope)]
        super().__init__(*layers, nn.Flatten(1, 2), nn.Conv2d(mid << 3, 1, size['width']))


def build_networks(size, device):
    """G0, G1 and D with the recipe's weights: drawn in the authors' order, biases 0."""
    np.random.seed(recipe.BUILD_SEED)
    networks = FrameSeedGenerator(size), VideoGenerator(size), VideoDiscriminator(size)
    for network in networks:
        initialize(network, lambda layer: (
            np.random.uniform(-recipe.WSCALE, recipe.WSCALE, layer.weight.shape), 0))
        network.to(device)
    return networks


def initialize(network, draw):
    """Set weights and biases of convolutions and linear layers, in their order."""
    for layer in layers_with_arrays(network):
        if layer.weight.ndim > 1:
            weight, bias = draw(layer)
            layer.weight.data = torch.from_numpy(weight.astype(np.float32))
            if layer.bias is not None:
                nn.init.constant_(layer.bias, bias)


def layers_with_arrays(network):
    """Convolutions, linear layers and batch normalisations, in their order."""
    return [layer for layer in network.modules() if hasattr(layer, 'weight')]


def load_arrays(network, arrays):
    """Give one of the networks above what `tgan export` wrote, {key: tensor}, for test mode."""
    names = {'W': 'weight', 'b': 'bias', 'gamma': 'weight', 'beta': 'bias',
             'avg_mean': 'running_mean', 'avg_var': 'running_var'}
    for link, layer in zip(network.links.split(), layers_with_arrays(network), strict=True):
        of_link = {key.split('/')[1]: array for key, array in arrays.items()
                   if key.startswith(f'{link}/')}
        layer.load_state_dict({names[key]: array for key, array in of_link.items() if key in names})
    return network.eval()


def generate(fsgen, vgen, z_slow):
    """(B, z) -> video (B, C, 16, H, W)."""
    z_fast = fsgen(z_slow)
    batch, z, frames = z_fast.shape
    slow = z_slow[:, None].expand(batch, frames, z).reshape(-1, z)
    images = vgen(slow, z_fast.transpose(1, 2).reshape(-1, z))
    return images.unflatten(0, (batch, frames)).transpose(1, 2)


def step(device, updater, batch, size, algorithm='authors'):
    """Training steps by the authors' algorithm or by ours; a repetition as everywhere."""
    networks = fsgen, vgen, vdis = build_networks(size, device)
    critic = list(vdis.parameters())
    batches = enumerate(itertools.cycle(np.split(recipe.videos(batch, size), 2)), 1)
    optimizers = [torch.optim.RMSprop(
        network.parameters(), recipe.LEARNING_RATE, recipe.ALPHA, recipe.RMSPROP_EPS)
        for network in networks]

    def update():
        iteration, real = next(batches)
        real = torch.from_numpy(real).to(device).transpose(1, 2).contiguous()
        z_slow = np.random.uniform(-1, 1, (batch, size['z'])).astype(np.float32)
        fake = generate(fsgen, vgen, torch.from_numpy(z_slow).to(device))
        d_fake, d_real = vdis(fake), vdis(real)
        loss_gen = -d_fake.sum() / batch
        loss_dis = d_fake.sum() / batch - d_real.sum() / batch
        for optimizer in optimizers:
            optimizer.zero_grad()
        if algorithm == 'ours':
            # No gradient of D twice: at the fake video, WGAN's losses are each other's negative.
            *grads, fake_grad = torch.autograd.grad(loss_dis, [*critic, fake])
            for parameter, grad in zip(critic, grads, strict=True):
                parameter.grad = grad
            fake.backward(-fake_grad)
        else:
            # The generators' loss through all of D; then D's loss, from the same fake batch.
            loss_gen.backward(retain_graph=True)
            optimizers[2].zero_grad()
            loss_dis.backward(inputs=critic)
        for optimizer in optimizers:
            optimizer.step()
        if updater == 'clip' or iteration % recipe.TIMED_FREQ == 0:
            constrain(vdis, updater, algorithm)
        return {'loss_gen': loss_gen.detach(), 'loss_dis': loss_dis.detach()}

    time = clock(device)
    return recipe.repetitions(updater, lambda: time(update))


def constrain(vdis, updater, algorithm):
    """Clip D's weights, or their singular values and gammas, in place."""
    with torch.no_grad():
        if updater == 'clip':
            for parameter in vdis.parameters():
                parameter.clamp_(-0.01, 0.01)
            return
        clip = clip_by_gram if algorithm == 'ours' else clip_by_svd
        for layer in layers_with_arrays(vdis):
            if layer.weight.ndim > 1:
                clip(layer.weight.view(len(layer.weight), -1))
            else:    # Chainer 2's running variance has accumulated eps, too
                share = 1 - 0.9 ** layer.num_batches_tracked
                upper = (layer.running_var + share * recipe.BATCH_NORM_EPS).sqrt()
                layer.weight.copy_(layer.weight.clamp(0.01 * upper, upper))


def clip_by_svd(matrix):
    """Singular values of a matrix to at most 1, in place, as the authors do."""
    u, s, vt = torch.linalg.svd(matrix, full_matrices=False)
    matrix.copy_(u * s.clamp(max=1) @ vt)


def clip_by_gram(matrix):
    """The same by the smaller Gram matrix, as :mod:`tgan_chainer.hooks` does."""
    if matrix.shape[0] > matrix.shape[1]:
        matrix = matrix.T
    squares, u = torch.linalg.eigh((matrix @ matrix.T).double())
    excess = squares > 1
    if excess.any():
        u = u[:, excess]
        scaled = (u * (squares[excess].rsqrt() - 1)).to(matrix.dtype)
        matrix += scaled @ (u.T.to(matrix.dtype) @ matrix)


def sampling(device, n, size):
    """Generated videos, in test mode."""
    fsgen, vgen, _ = build_networks(size, device)
    for network in (fsgen, vgen):
        for layer in layers_with_arrays(network.eval()):
            if layer.weight.ndim == 1:
                layer.running_var.fill_(1)
    z_slow = torch.from_numpy(recipe.latents(n, size)).to(device)
    return _forward(device, lambda: generate(fsgen, vgen, z_slow))


def _forward(device, function):
    """The work of calling a function that gives a tensor."""
    time = clock(device)

    def run():
        with torch.inference_mode():
            seconds, found = time(function)
        return recipe.answer(seconds, found.cpu().numpy())
    return run


def c3d(device, n):
    """C3D, forward: (B, 3, 16, 112, 112) -> (B, 101)."""
    np.random.seed(recipe.BUILD_SEED)
    layers, channels = [], 3
    for width, pool in ((64, (1, 2, 2)), (128, 2), (256, None), (256, 2), (512, None), (512, 2),
                        (512, None), (512, 2)):
        layers += [nn.Conv3d(channels, width, 3, 1, 1), nn.ReLU()]
        layers += [nn.MaxPool3d(pool, ceil_mode=True)] if pool else []
        channels = width
    network = nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(512 * 4 * 4, 4096), nn.ReLU(), nn.Linear(4096, 4096),
        nn.ReLU(), nn.Linear(4096, 101), nn.Softmax(1)).eval()
    initialize(network, lambda layer: (
        np.random.normal(0, 0.005, layer.weight.shape), 1) if isinstance(layer, nn.Linear)
        else (np.random.normal(0, 0.01, layer.weight.shape), 0))
    network.to(device)
    clips = torch.from_numpy(recipe.clips(n)).to(device)
    return _forward(device, lambda: network(clips))


def clock(device):
    """Function that times a call on a device -> (seconds, what it returned)."""
    if device.type == 'cpu':
        return recipe.time_on_host
    return partial(recipe.time_on_device, partial(torch.cuda.Event, enable_timing=True),
                   torch.cuda.Event.elapsed_time)


def start(gpu):
    """The works of this side, and what it is."""
    if torch is None:
        raise UnavailableError(
            f'PyTorch is not installed for {sys.executable}: pip install torch, or name an '
            'interpreter that has it with --torch-python PY')
    if gpu >= torch.cuda.device_count():
        raise UnavailableError(
            f'PyTorch {torch.__version__} of {sys.executable} finds no GPU {gpu}: install a build '
            'of PyTorch for CUDA, or leave out --gpu')
    torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
    device = torch.device('cpu' if gpu < 0 else f'cuda:{gpu}')
    return {work.__name__: partial(work, device) for work in (step, sampling, c3d)}, {
        'python': platform.python_version(), 'torch': torch.__version__,
        'numpy': np.__version__, 'threads': torch.get_num_threads(),
        'oneDNN': torch.backends.mkldnn.is_available(), 'MKL': torch.backends.mkl.is_available()}


if __name__ == '__main__':
    GPU = int(sys.argv[1])
    serve(partial(start, GPU), lambda: {'peak': (
        recipe.peak_memory() if GPU < 0 else torch.cuda.max_memory_reserved(GPU))})
