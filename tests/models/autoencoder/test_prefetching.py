"""Batches come in order, whatever the timing; errors come where their batch would have been; nothing is left running."""

from __future__ import annotations

import threading
from concurrent.futures import wait

import pytest

from refeed.models.autoencoder.prefetching import Prefetcher


def test_batches_come_in_order_from_the_first_on():
    prefetcher = Prefetcher(lambda number: number * 10, first=3, count=7)
    assert [(prefetcher.next, prefetcher.take()) for _ in range(4)] == [(3, 30), (4, 40), (5, 50), (6, 60)]
    with pytest.raises(IndexError, match="only 7 batches, and number 7"):
        prefetcher.take()
    prefetcher.close()


def test_it_works_ahead_but_not_further_than_given():
    made = []
    prefetcher = Prefetcher(lambda number: made.append(number) or number, first=0, count=100, ahead=2)
    wait(prefetcher._coming)
    assert made == [0, 1, 2]  # two ahead, and the next one
    prefetcher.take()
    wait(prefetcher._coming)
    assert made == [0, 1, 2, 3]
    prefetcher.close()


def test_with_none_ahead_the_next_one_is_being_computed():
    made = []
    prefetcher = Prefetcher(lambda number: made.append(number) or number, first=0, count=3, ahead=0)
    assert [prefetcher.take(), prefetcher.is_over] == [0, False]
    wait(prefetcher._coming)
    assert made == [0, 1]
    assert [prefetcher.take(), prefetcher.take(), prefetcher.is_over] == [1, 2, True]
    prefetcher.close()


def test_error_comes_where_its_batch_would_have_been():
    prefetcher = Prefetcher(lambda number: 1 // (2 - number), first=0, count=9)
    assert [prefetcher.take(), prefetcher.take()] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        prefetcher.take()
    prefetcher.close()


def test_closing_ends_the_thread_even_while_the_queue_is_full():
    before = threading.active_count()
    prefetcher = Prefetcher(lambda number: number, first=0, count=1000, ahead=1)
    prefetcher.take()
    prefetcher.close()
    assert threading.active_count() == before
    with pytest.raises(IndexError):
        prefetcher.take()
