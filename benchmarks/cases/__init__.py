"""The benchmarks, a script a case: what our side runs, and what it is measured by."""
import functools


@functools.cache
def registry():
    """Every benchmark by name, in the order in which a report shows them."""
    from benchmarks.cases import c3d, flops, growth, loaders, memory, sampling, step, svc
    modules = (flops, step, svc, sampling, c3d, loaders, memory, growth)
    return {benchmark.name: benchmark for module in modules for benchmark in module.BENCHMARKS}
