"""Whether the user interrupted, as callbacks raise KeyboardInterrupt too."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["noted_interrupts"]


@contextmanager
def noted_interrupts() -> Iterator[list[int]]:
    """Note every SIGINT inside the block, and handle it as before.

    Python delivers signals to its main thread alone, so elsewhere none is noted.

    Yields
    ------
    signals : list of int
        Those that have arrived so far.
    """
    signals: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not (in_main_thread and callable(handler)):
        yield signals
        return

    def note(number, frame):
        signals.append(number)
        return handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield signals
    finally:
        # Unless somebody else has put a handler of theirs in place meanwhile.
        if signal.getsignal(signal.SIGINT) is note:
            signal.signal(signal.SIGINT, handler)
