"""The checks, a module a layer, in the order in which a report shows them."""
import functools

LAYERS = {
    'shapes': "the reading notes' traces (FACTS §8), from networks that run",
    'state': 'keys, shapes, dtypes, and for one seed every byte',
    'forward': 'every tensor, train and test mode; running statistics after; sampling',
    'gradients': 'losses and gradients of the first update',
    'trajectories': 'losses and parameters over twelve updates',
    'data': 'examples, byte for byte',
    'metrics': 'C3D, inception score, what is done to its input',
    'oracle': 'forward, gradients and training against equations, on inputs of no recording',
    'upstream': "the authors' own code, live",
    'claims': "the paper's tables, and what was measured here",
}
"""Name of each layer, and what it covers."""


@functools.cache
def registry():
    """Every check of this package, by name."""
    from parity.checks import (
        claims,
        data,
        forward,
        gradients,
        metrics,
        oracle,
        shapes,
        state,
        trajectories,
    )
    checks = [check for module in (shapes, state, forward, gradients, trajectories, data, metrics,
                                   oracle, claims) for check in module.CHECKS]
    return {check.name: check for check in checks}
