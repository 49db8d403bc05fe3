"""The checks, layer by layer in the order in which a report shows them."""
import functools
import importlib

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

MODULES = ('networks', 'updates', 'data', 'metrics', 'oracle', 'claims')
"""Where they are, but for 'upstream', which needs a checkout."""


@functools.cache
def registry():
    """Every check of this package, by name; a ValueError if two have one."""
    checks = [check for module in MODULES
              for check in importlib.import_module(f'parity.checks.{module}').CHECKS]
    named = {check.name: check for check in checks}
    if len(named) < len(checks):
        raise ValueError('two checks have one name')
    return named
