"""Work on many things at once, in processes; results in the order of the things."""
import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from tgan_chainer.errors import DataError


def map_in_order(function, tasks, n_workers=None):
    """Yield `function(task)` for each task, in their order; a DataError if a worker is killed.

    `function` is one of a module: it, tasks and results are sent between processes. Of these,
    `n_workers`, 1 is this process, and None as many as there are cores for it.
    """
    n_workers = n_workers or len(os.sched_getaffinity(0))
    if n_workers == 1:
        yield from map(function, tasks)
        return
    # Forked from a server without threads: this process may have some, with locks that are held.
    context = multiprocessing.get_context('forkserver')
    module = getattr(function, 'func', function).__module__   # of a partial, that of its function
    context.set_forkserver_preload(['__main__', 'tgan_chainer', module])
    executor = ProcessPoolExecutor(n_workers, context, initializer=_begin_worker)
    try:
        results = deque()
        for task in tasks:
            results.append(executor.submit(function, task))
            if len(results) > 2 * n_workers:    # begun before a result is asked for: bounds memory
                yield results.popleft().result()
        while results:
            yield results.popleft().result()
    except BrokenProcessPool as error:
        raise DataError(
            'a worker process was killed, perhaps since memory ran out; run the command again, '
            'with fewer --workers if it happens again') from error
    finally:
        executor.shutdown(cancel_futures=True)


def _begin_worker():
    """Leave Ctrl-C to the parent, and end with it even if it is killed."""
    def end_with_parent():
        multiprocessing.parent_process().join()
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
