"""The benchmarks, a script a case: what our side runs, and what it is measured by."""
import functools


@functools.cache
def registry():
    """Every benchmark in the order in which a report shows them.

    Name 'KIND/WHICH' -> what is measured, in a line; function that is called with a
    :class:`benchmarks.sides.Session` and the rest -> :class:`benchmarks.race.Outcome`.
    """
    from benchmarks.cases import c3d, flops, growth, loaders, memory, sampling, step, svc
    modules = (flops, step, svc, sampling, c3d, loaders, memory, growth)
    return {name: case for module in modules for name, case in module.CASES.items()}
