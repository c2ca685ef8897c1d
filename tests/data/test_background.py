"""Work by other threads: in order, not too far ahead, and with its errors."""

from __future__ import annotations

import threading
import time

import pytest

from refeed.data import background
from refeed.data.background import mapped, prefetched


def test_items_are_made_by_another_thread_in_their_order():
    threads = set()

    def numbers():
        for number in range(20):
            threads.add(threading.current_thread().name)
            yield number

    assert list(prefetched(numbers())) == list(range(20))
    assert threading.current_thread().name not in threads


def test_no_more_than_one_item_is_made_ahead():
    made = []
    items = prefetched(made.append(number) or number for number in range(10))
    assert next(items) == 0
    time.sleep(0.05)
    assert made == [0, 1]
    items.close()


def test_error_of_an_item_reaches_the_caller():
    def failing():
        yield 1
        raise ValueError("second")

    items = prefetched(failing())
    assert next(items) == 1
    with pytest.raises(ValueError, match="second"):
        next(items)


def test_results_come_in_order_and_only_so_many_ahead(monkeypatch):
    monkeypatch.setattr(background, "MOST_WORKERS", 2)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    begun = []

    def square(number):
        begun.append(number)
        time.sleep(0.002 * (3 - number % 3))
        return number**2

    results = mapped(square, range(30))
    assert next(results) == 0
    time.sleep(0.05)
    assert len(begun) <= 3
    assert list(results) == [number**2 for number in range(1, 30)]


def test_error_of_one_result_ends_the_rest():
    def inverse(number):
        return 1 / number

    with pytest.raises(ZeroDivisionError):
        list(mapped(inverse, [1, 2, 0, 4]))
