"""What the networks of one experiment are together, whichever of the paper's systems it is."""
from typing import NamedTuple

import chainer


class System(NamedTuple):
    """G0, None where ``vgen`` makes whole videos; G1, or the generator of whole videos; and D.

    A network says what it takes by an attribute ``n_categories``: 0, or the number of categories
    whose labels it is called with, after its other inputs. So does a data set, whose examples are
    then pairs of a video and its label.
    """

    fsgen: chainer.Link | None
    vgen: chainer.Link
    vdis: chainer.Link

    @property
    def networks(self):
        """{name: network} of those that there are, the first being the one that z_slow enters."""
        return {name: network for name, network in self._asdict().items() if network is not None}
