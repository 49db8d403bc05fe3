"""What the figures were measured on."""
import datetime
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

import threadpoolctl

from tgan_chainer.training import record


def describe(threads, gpu):
    """Machine, versions and date, for a report.

    Args:
        threads (int): Of every process.
        gpu (int): -1 is the CPU.
    """
    return {
        'date': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
        'git revision': record.git_revision(),
        'cpu': cpu_model(),
        'cores': len(os.sched_getaffinity(0)),
        'memory bytes': os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES'),
        'load': os.getloadavg()[0],
        'platform': platform.platform(),
        'threads': threads,
        'gpu': gpu_name(gpu),
        'packages': record.versions(),
    }


def cpu_model(path='/proc/cpuinfo'):
    """Name of the processor, as the system gives it."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.processor() or platform.machine()


def gpu_name(gpu):
    """Name of a GPU; None for the CPU."""
    if gpu < 0:
        return None
    import cupy
    return cupy.cuda.runtime.getDeviceProperties(gpu)['name'].decode()


def interpreter(*packages):
    """What this process runs on: Python, versions of packages, libraries with threads."""
    return {'python': platform.python_version(), 'executable': sys.executable,
            **{package: metadata.version(package) for package in packages},
            'libraries': [' '.join(str(found[key]) for key in (
                'prefix', 'version', 'architecture') if found.get(key))
                + f', {found["num_threads"]} threads' for found in threadpoolctl.threadpool_info()]}
