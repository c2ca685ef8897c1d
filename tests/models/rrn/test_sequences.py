"""Time steps of rows: only those with ratings exist, and a rating's state is the one before its own step."""

from __future__ import annotations

import numpy as np

from helpers.small_worlds import history_of
from refeed.models.rrn.sequences import Sequences, moments_of


def new_sequences() -> Sequences:
    """Three rows: ratings of items 0, 1, 2 in steps 7, -2, 7; none; item 1 in step 100."""
    history = history_of({0: 5.0, 1: 3.0, 2: 1.0}, {}, {1: 2.0}, num_items=3)
    return Sequences.of_history(history, np.array([7, -2, 7, 100]))


def test_steps_without_a_rating_do_not_exist():
    sequences = new_sequences()
    assert sequences.timeline.moments.tolist() == [-2, 7, 100]
    assert sequences.timeline.lengths.tolist() == [2, 0, 1]
    assert sequences.timeline.is_first.tolist() == [True, False, True]


def test_ratings_lie_in_the_order_of_their_time():
    sequences = new_sequences()
    assert sequences.entry_pointers.tolist() == [0, 1, 3, 4]
    assert sequences.columns.tolist() == [1, 0, 2, 1] and sequences.values.tolist() == [3.0, 5.0, 1.0, 2.0]
    assert sequences.order.tolist() == [1, 0, 2, 3]
    assert sequences.row_pointers.tolist() == [0, 3, 3, 4]


def test_rating_is_predicted_from_the_state_before_its_own_step():
    sequences = new_sequences()
    # states: row 0 has 0, 1, 2; row 1 has 3; row 2 has 4, 5
    assert sequences.timeline.num_states == 6
    assert sequences.states_before.tolist() == [0, 1, 1, 4]


def test_state_before_a_moment_has_seen_earlier_steps_only():
    rows = np.array([0, 0, 0, 0, 0, 1, 2, 2])
    moments = np.array([-3, -2, 0, 7, 8, 0, 100, 101])
    assert new_sequences().timeline.states_before(rows, moments).tolist() == [0, 0, 1, 1, 2, 3, 4, 5]


def test_latest_state_has_seen_all_steps():
    assert new_sequences().timeline.latest_states(np.array([2, 0, 1])).tolist() == [5, 2, 3]


def test_rows_may_be_taken_in_any_order():
    part, entries = new_sequences().rows(np.array([2, 1, 0]))
    assert entries.tolist() == [3, 0, 1, 2]
    assert part.timeline.moments.tolist() == [100, -2, 7] and part.timeline.lengths.tolist() == [1, 0, 2]
    assert part.columns.tolist() == [1, 1, 0, 2] and part.entry_pointers.tolist() == [0, 1, 2, 4]


def test_no_rows_have_no_steps():
    nothing = history_of(num_items=3)
    sequences = Sequences.of_history(nothing, np.empty(0, np.int64))
    assert (len(sequences), sequences.timeline.num_states, sequences.states_before.tolist()) == (0, 0, [])


def test_moments_are_counted_from_1970_in_whole_steps():
    assert moments_of(np.array([0, 86_399, 86_400, -1]), 86_400).tolist() == [0, 0, 1, -1]
