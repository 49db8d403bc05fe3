import numpy as np
import pytest

from reference.oracle import resize

#: Sixteen products of order 1 a pixel, in two orders.
ROUNDING = 1e-13


def pixel_by_pixel(image, height, width):
    """The definition, written another way: cubics from their four defining conditions.

    The kernel is a cubic on [0, 1] and one on [1, 2] with w(0) = 1, w(1) = w(2) = 0, slope 0 at 0
    and 2, and slope a at 1 from both sides; solved here instead of expanded.
    """
    def hermite(value0, value1, slope0, slope1, t):
        vandermonde = [[1, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0], [0, 1, 2, 3]]
        coefficients = np.linalg.solve(vandermonde, [value0, value1, slope0, slope1])
        return coefficients @ [1, t, t * t, t ** 3]

    def weight(distance):
        if distance < 1:
            return hermite(1, 0, 0, -0.75, distance)
        return hermite(0, 0, -0.75, 0, distance - 1) if distance < 2 else 0.0

    def taps(i, n_in, n_out):
        centre = (2 * i + 1) * n_in / (2 * n_out) - 0.5
        first = int(np.floor(centre)) - 1
        return [(min(max(j, 0), n_in - 1), weight(abs(centre - j)))
                for j in range(first, first + 4)]

    return np.array([[sum(wy * wx * image[j, i] for j, wy in taps(y, image.shape[0], height)
                          for i, wx in taps(x, image.shape[1], width))
                      for x in range(width)] for y in range(height)])


@pytest.mark.parametrize('sizes', [(4, 5, 8, 7), (6, 3, 2, 3), (1, 2, 3, 3), (7, 7, 7, 7)])
def test_against_the_definition(sizes):
    height, width, new_height, new_width = sizes
    image = np.random.RandomState(0).randn(height, width)
    np.testing.assert_allclose(
        resize.resize_cubic(image, new_height, new_width),
        pixel_by_pixel(image, new_height, new_width), atol=ROUNDING)


def test_leading_axes_are_left_alone():
    videos = np.random.RandomState(0).randn(2, 3, 4, 6, 6)
    found = resize.resize_cubic(videos, 12, 9)
    assert found.shape == (2, 3, 4, 12, 9)
    np.testing.assert_array_equal(found[1, 2, 3], resize.resize_cubic(videos[1, 2, 3], 12, 9))
