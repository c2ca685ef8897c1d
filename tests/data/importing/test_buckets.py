"""Buckets of consecutive users, each sorted by user and item."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from refeed.data.importing.buckets import Buckets

TYPES = {"users": "<i4", "items": "<u2", "values": "|i1", "timestamps": "<i4"}
ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(1, 5), st.integers(0, 9)), max_size=8)


@settings(max_examples=40)
@given(st.lists(ROWS, max_size=5), st.integers(1, 9), st.booleans())
def test_buckets_hold_the_latest_of_each_pair_by_user_and_item(tmp_path_factory, batches, size, mean):
    batches = [[(user, 0, 1, 0) for user in range(5)], *batches]  # every user has a rating
    everything = [row for batch in batches for row in batch]
    folder = tmp_path_factory.mktemp("buckets")
    buckets = Buckets(folder, np.array([[row[0] for row in everything].count(user) for user in range(5)]), TYPES, size=size)
    for batch in batches:
        buckets.append({name: np.array([row[n] for row in batch], int) for n, name in enumerate(TYPES)})
    by_pair: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for user, item, value, time in everything:
        by_pair.setdefault((user, item), []).append((value, time))
    sorted_buckets = list(buckets.sort(mean=mean))
    counts = np.concatenate([bucket.counts for bucket in sorted_buckets])
    assert counts.tolist() == [sum(user == pair[0] for pair in by_pair) for user in range(5)]
    columns = {name: np.concatenate([bucket.columns[name] for bucket in sorted_buckets]) for name in list(TYPES)[1:]}
    assert columns["items"].tolist() == [item for _, item in sorted(by_pair)]
    ratings = [sorted(by_pair[pair], key=lambda rating: rating[1]) for pair in sorted(by_pair)]
    assert columns["timestamps"].tolist() == [rating[-1][1] for rating in ratings]
    expected = [np.mean([value for value, _ in rating]) if mean else rating[-1][0] for rating in ratings]
    assert columns["values"].tolist() == np.array(expected, np.float32).tolist()
    assert sum(bucket.num_repeats for bucket in sorted_buckets) == len(everything) - len(by_pair)
    assert not list(folder.iterdir())


def test_pair_that_is_repeated_first_is_named(tmp_path):
    buckets = Buckets(tmp_path, np.array([5]), TYPES, size=4)
    rows = np.array([[0, 0, 1, 9], [0, 1, 1, 8], [0, 1, 2, 7], [0, 0, 2, 6], [0, 0, 3, 5]])
    buckets.append(dict(zip(TYPES, rows.T, strict=True)))
    (bucket,) = buckets.sort(mean=False)
    assert (bucket.num_repeats, bucket.repeated_pair) == (3, (0, 1))
