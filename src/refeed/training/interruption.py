"""Ctrl-C as a wish that is granted between two steps, so that no state is torn."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopWish:
    """Whether somebody wants the run to stop.

    Attributes:
        requested: set by the first Ctrl-C.
    """

    requested: bool = False


_open_wishes: list[StopWish] = []  # of blocks within blocks, the innermost last


@contextmanager
def stop_on_interrupt() -> Iterator[StopWish]:
    """Within the block the first Ctrl-C (or SIGTERM) only sets `requested`; a second one interrupts at once.

    Of blocks within blocks the inner one hears it; what it heard is passed on to the outer one when it ends. In a thread
    other than the main one signals are not ours to handle, and nothing is changed.
    """
    wish = StopWish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def note(number: int, frame: FrameType | None) -> None:
        if wish.requested:
            raise KeyboardInterrupt
        wish.requested = True

    _open_wishes.append(wish)
    try:
        for number in signals:
            signal.signal(number, note)
        yield wish
    finally:
        _open_wishes.pop()
        if _open_wishes and wish.requested:
            _open_wishes[-1].requested = True
        for number, handler in before.items():
            signal.signal(number, handler)
