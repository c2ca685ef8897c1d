"""NDCG, recall, precision and MAP over the whole catalogue."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refeed.errors import ConfigError, DataError
from refeed.metrics.ranking import RankingSums, ranking_sums


def sets(*rows: list[int]) -> tuple[np.ndarray, np.ndarray]:
    indptr = np.cumsum([0, *map(len, rows)])
    return indptr, np.array([item for row in rows for item in row], np.int64)


def naive(scores: np.ndarray, relevant: list[list[int]], seen: list[list[int]], k: int) -> dict[str, float]:
    """The formulas of the module's docstring, one user and one rank at a time."""
    found: dict[str, list[float]] = {f"{name}@{k}": [] for name in ("ndcg", "recall", "precision", "map")}
    for row, relevant_items, seen_items in zip(scores, relevant, seen, strict=True):
        if not relevant_items:
            continue
        ranking = sorted((i for i in range(len(row)) if i not in seen_items), key=lambda i: (-row[i], i))[:k]
        rel = [item in relevant_items for item in ranking]
        ideal = sum(1 / log2(i + 2) for i in range(min(k, len(relevant_items))))
        found[f"ndcg@{k}"].append(sum(r / log2(i + 2) for i, r in enumerate(rel)) / ideal)
        found[f"recall@{k}"].append(sum(rel) / len(relevant_items))
        found[f"precision@{k}"].append(sum(rel) / k)
        found[f"map@{k}"].append(sum(r * sum(rel[: i + 1]) / (i + 1) for i, r in enumerate(rel)) / min(k, len(relevant_items)))
    return {name: float(np.mean(values)) for name, values in found.items()}


def test_a_ranking_with_hits_at_ranks_one_and_three():
    scores = np.array([[9.0, 8, 7, 6, 5]])
    result = ranking_sums(scores, sets([1, 3, 4]), sets([0]), ks=(3,)).result()  # ranked 1, 2, 3, 4
    assert result == pytest.approx(
        {
            "ndcg@3": (1 + 1 / 2) / (1 + 1 / log2(3) + 1 / 2),
            "recall@3": 2 / 3,
            "precision@3": 2 / 3,
            "map@3": (1 + 2 / 3) / 3,
        }
    )


def test_a_perfect_ranking_has_ndcg_and_map_of_one():
    result = ranking_sums(np.array([[1.0, 3, 2, 0]]), sets([1, 2]), sets([]), ks=(1, 2, 4)).result()
    assert [result[f"{name}@{k}"] for name in ("ndcg", "map") for k in (1, 2, 4)] == pytest.approx([1.0] * 6)
    assert (result["recall@1"], result["recall@4"], result["precision@4"]) == (0.5, 1.0, 0.5)


def test_users_without_relevant_items_are_not_counted():
    scores = np.array([[1.0, 0], [0, 1.0], [1.0, 0]])
    sums = ranking_sums(scores, sets([0], [], [1]), sets([], [], []), ks=(1,))
    assert sums.users == 2
    assert sums.result()["precision@1"] == 0.5


def test_items_at_minus_infinity_are_never_recommended():
    scores = np.array([[1.0, -np.inf, -np.inf]])
    assert ranking_sums(scores, sets([1]), sets([]), ks=(3,)).result()["recall@3"] == 0.0


def test_the_scores_of_the_caller_stay_as_they_are():
    scores = np.ones((1, 3))
    ranking_sums(scores, sets([1]), sets([0]), ks=(1,))
    assert scores.tolist() == [[1.0, 1.0, 1.0]]


@st.composite
def worlds(draw):
    users, items = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    state = st.sampled_from(["relevant", "seen", "neither"])
    states = draw(st.lists(st.lists(state, min_size=items, max_size=items), min_size=users, max_size=users))
    scores = draw(st.lists(st.lists(st.integers(-2, 2), min_size=items, max_size=items), min_size=users, max_size=users))
    chosen = {kind: [[i for i, s in enumerate(row) if s == kind] for row in states] for kind in ("relevant", "seen")}
    return np.array(scores, np.float32), chosen["relevant"], chosen["seen"]


@given(worlds(), st.integers(1, 12))
def test_agrees_with_the_formulas_one_user_at_a_time(world, k):
    scores, relevant, seen = world
    sums = ranking_sums(scores, sets(*relevant), sets(*seen), ks=(k,))
    assert sums.users == sum(bool(row) for row in relevant)
    if sums.users:
        assert sums.result() == pytest.approx(naive(scores, relevant, seen, k))


@given(worlds(), st.integers(0, 5))
def test_blocks_of_users_add_up_to_the_whole(world, cut):
    scores, relevant, seen = world
    blocks = [
        ranking_sums(scores[part], sets(*relevant[part]), sets(*seen[part]), ks=(1, 3))
        for part in (slice(None, cut), slice(cut, None))
    ]
    together, whole = blocks[0] + blocks[1], ranking_sums(scores, sets(*relevant), sets(*seen), ks=(1, 3))
    assert together.users == whole.users
    assert together.totals == pytest.approx(whole.totals)


def test_sums_of_other_metrics_cannot_be_added():
    with pytest.raises(DataError, match=r"ndcg@1 and of ndcg@2"):
        _ = RankingSums(1, {"ndcg@1": 1.0}) + RankingSums(1, {"ndcg@2": 1.0})


def test_no_users_have_no_mean():
    with pytest.raises(DataError, match="no user has a relevant item"):
        ranking_sums(np.ones((1, 2)), sets([]), sets([]), ks=(1,)).result()


@pytest.mark.parametrize("ks", [(), (0, 5)])
def test_a_top_of_nothing_is_refused(ks):
    with pytest.raises(ConfigError, match="ks: expected"):
        ranking_sums(np.ones((1, 2)), sets([0]), sets([]), ks=ks)


@pytest.mark.parametrize(
    ("scores", "relevant", "seen", "message"),
    [
        ([[1.0, np.nan]], sets([0]), sets([]), "1 of 2 scores are not numbers"),
        ([[1.0, 1.0]], sets([0], [1]), sets([]), "2 rows of relevant items"),
        ([[1.0, 1.0]], sets([0]), sets([2]), "seen items run from 2 to 2, expected 0 to 1"),
        ([[1.0, 1.0]], sets([0]), sets([0]), "both relevant and seen"),
        ([[1.0, 1.0]], sets([0, 0]), sets([]), "occurs twice"),
    ],
)
def test_input_that_does_not_fit_is_refused(scores, relevant, seen, message):
    with pytest.raises(DataError, match=message):
        ranking_sums(np.array(scores), relevant, seen, ks=(1,))
