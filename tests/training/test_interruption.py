"""Ctrl-C is a wish first and an order when repeated."""

from __future__ import annotations

import signal
import threading

import pytest

from refeed.training.interruption import stop_on_interrupt


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_is_noted_and_the_old_handler_comes_back(number):
    before = signal.getsignal(number)
    with stop_on_interrupt() as stop:
        assert not stop.requested
        signal.raise_signal(number)
        assert stop.requested
    assert signal.getsignal(number) is before


def test_second_signal_interrupts_at_once():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stop_on_interrupt():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_leave_the_signals_alone():
    seen = []

    def work():
        before = signal.getsignal(signal.SIGINT)
        with stop_on_interrupt() as stop:
            seen.append((stop.requested, signal.getsignal(signal.SIGINT) is before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, True)]
