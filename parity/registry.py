"""What a check is."""
import dataclasses
import time
import traceback
from collections.abc import Callable

from parity.result import NotRunError, Result


@dataclasses.dataclass(frozen=True)
class Check:
    """A named check.

    Attributes:
        name (str): 'LAYER/WHAT/WHICH', such as 'forward/small-b2-seed0-train-f64/chainer-2.0.2'.
        function: Called with ``args`` -> :class:`parity.result.Result`, whose name and layer are
            filled in here.
        args (tuple): What the check is about.
        cost (float): Seconds it takes on one core, roughly; long ones start first.
        group (str): Checks of one group share work, and so run in one process, one after another.
    """

    name: str
    function: Callable
    args: tuple = ()
    cost: float = 1.0
    group: str = ''

    @property
    def layer(self):
        """The first part of the name."""
        return self.name.split('/')[0]

    def run(self, **limits):
        """Run the check -> Result; what it raises is in the result.

        Args:
            **limits: Make it shorter, for the checks that take such arguments: ``updates=2``.
        """
        start = time.perf_counter()
        try:
            result = self.function(*self.args, **limits)
        except NotRunError as reason:
            result = Result(why_not_run=str(reason))
        except Exception:    # a fault of ours may raise anything, and is a failure of the check
            result = Result(error=traceback.format_exc())
        return dataclasses.replace(
            result, name=self.name, layer=self.layer, seconds=time.perf_counter() - start)
