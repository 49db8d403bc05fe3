import numpy as np
import pytest

from reference.oracle import losses

FAKE = np.random.RandomState(0).randn(3, 1, 1, 1)
REAL = np.random.RandomState(1).randn(3, 1, 1, 1)


@pytest.mark.parametrize('generator_loss', [
    losses.wgan_generator, losses.vanilla_generator, losses.lsgan_generator])
def test_generator_derivatives(generator_loss):
    _, grad = generator_loss(FAKE)
    assert grad.shape == FAKE.shape
    direction = np.random.RandomState(2).randn(*FAKE.shape)
    h = 1e-5
    numeric = (generator_loss(FAKE + h * direction)[0]
               - generator_loss(FAKE - h * direction)[0]) / (2 * h)
    # Central differences of a smooth function of order 1: h^2 = 1e-10, 1e-16 / h = 1e-11.
    assert numeric == pytest.approx(np.sum(grad * direction), abs=1e-9)


@pytest.mark.parametrize('discriminator_loss', [
    losses.wgan_discriminator, losses.vanilla_discriminator, losses.lsgan_discriminator])
def test_discriminator_derivatives(discriminator_loss):
    _, gfake, greal = discriminator_loss(FAKE, REAL)
    rng = np.random.RandomState(3)
    to_fake, to_real = rng.randn(*FAKE.shape), rng.randn(*REAL.shape)
    h = 1e-5
    ends = [sum(discriminator_loss(FAKE + step * to_fake, REAL + step * to_real)[0])
            for step in (h, -h)]
    assert (ends[0] - ends[1]) / (2 * h) == pytest.approx(
        np.sum(gfake * to_fake) + np.sum(greal * to_real), abs=1e-9)


def test_values_at_zero():
    zero = np.zeros((2, 1))
    assert losses.wgan_discriminator(zero, zero + 1)[0] == (-1.0,)
    assert losses.wgan_generator(zero + 2)[0] == -2.0
    assert losses.lsgan_discriminator(zero, zero)[0] == (2.0,)
    assert losses.vanilla_discriminator(zero, zero)[0] == pytest.approx((np.log(2), np.log(2)))


def test_vanilla_labels_are_the_authors():
    """A high score means fake here: confident and right is +10 on fakes and -10 on reals."""
    (on_fake, on_real), _, _ = losses.vanilla_discriminator(np.array([10.0]), np.array([-10.0]))
    assert on_fake < 1e-4 and on_real < 1e-4
    assert losses.vanilla_generator(np.array([-10.0]))[0] < 1e-4
