"""Blocks of users over several threads."""

from __future__ import annotations

import threading
from contextlib import closing

import numpy as np
import pytest
import torch

from helpers.small_worlds import Recorder
from refeed.inference.blocks import over_blocks, users_per_scored_block
from refeed.progress import Finished, Started, Stopped


@pytest.fixture(params=[1, 3])
def threads(request):
    """The number of PyTorch's threads, put back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_results_come_in_the_order_of_the_users(threads, size):
    users = np.arange(23) * 2
    blocks = list(over_blocks(lambda block: block.sum(), users, size=size))
    assert np.concatenate([block for block, _ in blocks]).tolist() == users.tolist()
    assert [result for _, result in blocks] == [block.sum() for block, _ in blocks]
    assert [len(block) for block, _ in blocks[:-1]] == [size] * (len(blocks) - 1)


def test_no_users_are_no_blocks():
    assert list(over_blocks(len, np.arange(0), size=5)) == []


def test_blocks_on_several_threads_have_one_each_and_a_single_block_has_all(threads):
    def seen(block):
        return torch.get_num_threads(), threading.current_thread() is threading.main_thread()

    many = {result for _, result in over_blocks(seen, np.arange(40), size=2)}
    assert many == ({(1, True)} if threads == 1 else {(1, False)})
    assert [result for _, result in over_blocks(seen, np.arange(40), size=40)] == [(threads, True)]
    assert torch.get_num_threads() == threads


def test_no_more_blocks_are_under_way_than_threads_and_one(threads):
    started = []
    blocks = over_blocks(started.append, np.arange(60), size=1)
    assert max(len(started) - taken for taken, _ in enumerate(blocks, start=1)) <= threads


def test_error_in_a_block_is_raised_and_the_threads_are_as_before(threads):
    def work(block):
        if 5 in block:
            raise ValueError("the fifth")
        return len(block)

    with pytest.raises(ValueError, match="the fifth"):
        list(over_blocks(work, np.arange(30), size=2))
    assert torch.get_num_threads() == threads


def test_closing_early_starts_no_further_block(threads):
    started = []
    with closing(over_blocks(started.append, np.arange(100), size=1)) as blocks:
        next(blocks)
    assert len(started) <= threads + 1
    assert torch.get_num_threads() == threads


def test_progress_adds_up_to_all_users(threads):
    recorder = Recorder()
    list(over_blocks(len, np.arange(11), size=4, task="counting", progress=recorder))
    assert recorder.events[0] == Started(task="counting", total=11, unit="users") and recorder.events[-1] == Stopped()
    assert [event.completed for event in recorder.of(Finished)] == [4, 8, 11]


@pytest.mark.parametrize(("items", "users"), [(1, 512), (17_770, 236), (1_000_000, 32)])
def test_scored_blocks_are_smaller_for_more_items(items, users):
    assert users_per_scored_block(items) == users
