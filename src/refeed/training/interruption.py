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
        wished: set by the first Ctrl-C.
    """

    wished: bool = False


@contextmanager
def stop_on_interrupt() -> Iterator[StopWish]:
    """Within the block the first Ctrl-C (or SIGTERM) only sets `wished`; a second one interrupts at once.

    In a thread other than the main one signals are not ours to handle, and nothing is changed.
    """
    wish = StopWish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def note(number: int, frame: FrameType | None) -> None:
        del number, frame
        if wish.wished:
            raise KeyboardInterrupt
        wish.wished = True

    try:
        for number in signals:
            signal.signal(number, note)
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
