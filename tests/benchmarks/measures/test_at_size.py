"""The chain over the real command line, growth and memory, on a small world."""

from __future__ import annotations

import numpy as np
import pytest

from data.netflix_store import World, made_store, make_files
from harness.workbench import Workbench
from measures import at_size, cost_growth, training_memory
from refeed.data.store.store import open_store
from refeed.data.synthetic.in_memory import synthetic_ratings
from refeed.models import AutoEncoder

WORLD, NETWORK = World(users=200, items=150, ratings=6_000), AutoEncoder(encoder=(16, 8), dropout=0.5)
EXTENT = at_size.Extent(WORLD, NETWORK, batch_sizes=(32, 64), list_length=5, openings=2, has_goals=False)


def test_first_users_are_a_part_of_the_same_ratings():
    ratings = synthetic_ratings(50, 80, 1_000, seed=0)
    part = cost_growth.first_users(ratings, 300)
    assert 300 <= len(part) < 300 + ratings.user_counts.max()
    assert part.num_items == ratings.num_items and part.users == ratings.users.take(np.arange(part.num_users))
    whole = ratings.rows(np.arange(part.num_users))
    assert np.array_equal(part.rows().indices, whole.indices) and np.array_equal(part.rows().values, whole.values)
    assert len(cost_growth.first_users(ratings, 10**9)) == len(ratings)


@pytest.mark.slow
def test_chain_measures_every_program(tmp_path):
    bench = Workbench(tmp_path, 1, {})
    found = at_size.measure(bench, EXTENT)
    names = [figure.name for figure in found.figures]
    assert names[0] == "generate the data set in the Netflix layout" and len(names) == 16
    assert all(figure.goal is None and figure.measured.median > 0 for figure in found.figures)
    assert make_files(bench, WORLD) is None  # an earlier run's are used again
    whole = open_store(made_store(bench, WORLD))
    assert len(whole) == 6_000
    memory = training_memory.measure(bench, training_memory.Extent(EXTENT, batch_size=32, dense_batches=2))
    ratio, ours, theirs = (figure.measured.median for figure in memory.figures)
    assert ratio == pytest.approx(ours / theirs)
    growth = cost_growth.measure(bench, cost_growth.Extent(WORLD, NETWORK, sizes=(2_000, 6_000), batch_size=32))
    assert [line["ratings"] for line in growth.series["epochs"]] == [len(cost_growth.first_users(whole, 2_000)), 6_000]
    medians = [figure.measured.median for figure in growth.figures]
    assert medians[0] == pytest.approx(100 * (max(medians[1:]) / min(medians[1:]) - 1))


def test_goals_are_those_of_the_full_size():
    assert at_size.FULL.world.ratings == 100_480_507 and at_size.FULL.has_goals and not at_size.SMALL.has_goals
