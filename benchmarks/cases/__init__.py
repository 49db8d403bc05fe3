"""The benchmarks, a module a kind, in the order in which a report shows them."""
import functools


@functools.cache
def registry():
    """Every benchmark, by name."""
    from benchmarks.cases import c3d, growth, loaders, memory, sampling, step, svc
    from benchmarks.cases import flops as flops_cases
    modules = (flops_cases, step, svc, sampling, c3d, loaders, memory, growth)
    return {benchmark.name: benchmark for module in modules for benchmark in module.BENCHMARKS}
