"""Work by other threads: in order, not too far ahead, and with its errors."""

from __future__ import annotations

import threading

import pytest

from helpers.waiting import wait_until
from refeed.data.background import MOST_WORKERS, mapped, prefetched


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
    wait_until(lambda: len(made) >= 2)
    assert next(items) == 1
    wait_until(lambda: len(made) >= 3)
    items.close()  # ends the thread, which would have made more by now
    assert made == [0, 1, 2]


def test_error_of_an_item_reaches_the_caller():
    def failing():
        yield 1
        raise ValueError("second")

    items = prefetched(failing())
    assert next(items) == 1
    with pytest.raises(ValueError, match="second"):
        next(items)


def test_results_come_in_order_and_only_so_many_ahead(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)  # as many threads, unless given
    begun, odd_ones = [], [threading.Event() for _ in range(15)]

    def square(number):
        begun.append(number)
        if number % 2:
            odd_ones[number // 2].set()
        else:
            assert odd_ones[number // 2].wait(30)  # so the later one is done first
        return number**2

    results = mapped(square, range(30))
    assert next(results) == 0
    assert len(begun) <= 3
    assert list(results) == [number**2 for number in range(1, 30)]


def test_most_threads_are_few_however_many_cores_there_are(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 99)
    begun = []
    results = mapped(begun.append, range(30))
    next(results)
    assert len(begun) <= MOST_WORKERS + 1
    results.close()


def test_error_of_one_result_ends_the_rest():
    def inverse(number):
        return 1 / number

    with pytest.raises(ZeroDivisionError):
        list(mapped(inverse, [1, 2, 0, 4]))
