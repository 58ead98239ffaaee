"""Whether the user interrupted, as callbacks raise KeyboardInterrupt too."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["noted_interrupts"]


@contextmanager
def noted_interrupts() -> Iterator[list[int]]:
    """Note every signal inside the block whose handler raises KeyboardInterrupt.

    As Ctrl-C does; signals are handled as before. Python delivers them to its main
    thread alone, so elsewhere none is noted.

    Yields
    ------
    signals : list of int
        Those that have arrived so far.
    """
    signals: list[int] = []

    def noting(handler):
        def note(number, frame):
            try:
                return handler(number, frame)
            except KeyboardInterrupt:
                signals.append(number)
                raise

        return note

    before = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {s: signal.getsignal(s) for s in signal.valid_signals()}
        before = {s: handler for s, handler in handlers.items() if callable(handler)}
    ours = {s: noting(handler) for s, handler in before.items()}
    for number, handler in ours.items():
        signal.signal(number, handler)
    try:
        yield signals
    finally:
        for number, handler in before.items():
            # Unless somebody else has put a handler of theirs in place meanwhile.
            if signal.getsignal(number) is ours[number]:
                signal.signal(number, handler)
