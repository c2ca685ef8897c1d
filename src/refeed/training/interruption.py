"""Ctrl-C as a request that is granted between two steps, so that no state is half-updated."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether the run is to stop.

    Attributes:
        requested: set by the first Ctrl-C.
    """

    requested: bool = False


_open_requests: list[StopRequest] = []  # of nested blocks, the innermost last


@contextmanager
def stop_on_interrupt() -> Iterator[StopRequest]:
    """Within the block, let the first Ctrl-C (or SIGTERM) only set `requested`; a second one interrupts at once.

    Of nested blocks the innermost receives the signal, and passes it on to the next one at its end. Outside of the main thread
    signals cannot be handled, and nothing is changed.
    """
    stop = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def note(number: int, frame: FrameType | None) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        stop.requested = True

    _open_requests.append(stop)
    try:
        for number in signals:
            signal.signal(number, note)
        yield stop
    finally:
        _open_requests.pop()
        if _open_requests and stop.requested:
            _open_requests[-1].requested = True
        for number, handler in before.items():
            signal.signal(number, handler)
