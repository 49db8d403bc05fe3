"""The worker's end of a line protocol: a request a line on stdin, an answer a line on stdout.

Stands alone and keeps to the syntax of Python 3.6: workers run on interpreters of their own.

Requests and answers are JSON. The first line that a worker writes describes it, or is
``{"unavailable": reason}``. Then, one by one:

    {"work": NAME, "args": {...}}    one repetition -> what it returns
    {}                               forget all works -> {}

or ``{"error": text}``. A work is prepared by its first repetition and kept.
"""
import gc
import json
import os
import sys
import traceback


class UnavailableError(Exception):
    """This cannot run here; the message says why, and what to do."""


def serve(start, more=dict):
    """Serve requests until stdin ends, or Ctrl-C, which the process that asks tells the user of.

    Args:
        start: Called without arguments -> {name of a work: function (**args) -> function () of one
            repetition -> dict}, and what this side is, a dict.
        more: Called without arguments after each repetition -> what its answer has besides.
    """
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)    # whatever else is printed goes to stderr
    works, prepared = {}, {}

    def describe():
        found, description = start()
        works.update(found)
        return description

    def send(message):
        answers.write(json.dumps(message) + '\n')
        answers.flush()

    def answer(request, line):
        if not request:
            prepared.clear()
            gc.collect()
            return {}
        if line not in prepared:
            prepared[line] = works[request['work']](**request['args'])
        return dict(prepared[line](), **more())

    try:
        send(_answered(describe))
        for line in sys.stdin if works else ():
            send(_answered(answer, json.loads(line), line))
    except KeyboardInterrupt:
        pass


def _answered(function, *args):
    try:
        return function(*args)
    except UnavailableError as reason:
        return {'unavailable': str(reason)}
    except Exception as error:    # the code of a side may raise anything
        traceback.print_exc()
        sys.stderr.flush()
        text = ' '.join(str(error).split())
        return {'error': f'{type(error).__name__}: {text}{_where(error)}'}


def _where(error):
    """The last line that an error went through and that is in no installed package."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if not frame[0].startswith((sys.prefix, sys.base_prefix))]
    return f' ({os.path.relpath(frames[-1][0])}, line {frames[-1][1]})' if frames else ''
