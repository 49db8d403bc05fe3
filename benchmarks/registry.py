"""What a benchmark is, and what it found."""
import dataclasses
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks import recipe
from benchmarks.sides import NotRunError, Options, SideError, Sides


@dataclass(frozen=True)
class Session:
    """What a benchmark needs of the run it is part of."""

    options: Options
    sides: Sides

    @property
    def size(self):
        """Sizes of the networks, see :mod:`benchmarks.recipe`."""
        return recipe.QUICK if self.options.quick else recipe.FULL

    @property
    def pause(self):
        """Seconds before each turn: idle threads of a BLAS spin for some 30 ms."""
        return 0.0 if self.options.quick else 0.05

    def batch(self, videos):
        """Videos a batch where a benchmark says ``videos``."""
        return max(2, videos // 8) if self.options.quick else videos


@dataclass(frozen=True)
class Result:
    """The outcome of a benchmark.

    Attributes:
        name, about (str): Of the benchmark.
        comparisons (tuple of Comparison): What was compared.
        not_run (tuple): Pairs (what, why) of what could not run here.
        errors (tuple of str): What went wrong; a failure.
        text (str): Lines to print beneath.
        data (dict): Further figures for the JSON.
        seconds (float): How long it took.
    """

    name: str = ''
    about: str = ''
    comparisons: tuple = ()
    not_run: tuple = ()
    errors: tuple = ()
    text: str = ''
    data: dict = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def verdict(self):
        """'failed' with an error, 'not run' where nothing was measured, else 'measured'."""
        if self.errors:
            return 'failed'
        return 'measured' if self.comparisons or self.text else 'not run'


@dataclass(frozen=True)
class Benchmark:
    """A named benchmark.

    Attributes:
        name (str): 'KIND/WHICH', such as 'step/svc-b8'.
        about (str): What is measured, in a line.
        function: Called with a :class:`Session` and ``args`` -> :class:`Result`, whose name, about
            and seconds are filled in here.
        args (tuple): What the benchmark is of.
    """

    name: str
    about: str
    function: Callable
    args: tuple = ()

    def run(self, session):
        """Run it -> Result; what it raises is in the result."""
        start = time.perf_counter()
        try:
            result = self.function(session, *self.args)
        except NotRunError as reason:
            result = Result(not_run=((self.name, str(reason)),))
        except SideError as error:
            result = Result(errors=(str(error),))
        except Exception:    # a fault of ours may raise anything, and is a failure
            result = Result(errors=(traceback.format_exc(),))
        return dataclasses.replace(result, name=self.name, about=self.about,
                                   seconds=time.perf_counter() - start)
