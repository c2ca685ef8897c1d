"""NDCG, recall, precision and mean average precision of the top of a ranking of the whole catalogue.

For one user let R be the set of relevant items, and rel_i 1 where the item at rank i (from 1) is in R, else 0:

    precision@k = sum_{i<=k} rel_i / k
    recall@k    = sum_{i<=k} rel_i / |R|
    ndcg@k      = sum_{i<=k} rel_i / log2(i + 1)  /  sum_{i<=min(k,|R|)} 1 / log2(i + 1)
    map@k       = sum_{i<=k} rel_i precision@i  /  min(k, |R|)

Each is the mean over the users with at least one relevant item. Items that a user has seen are not ranked, and of items
with equal scores the one with the lower index comes first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from refeed.errors import ConfigError, DataError
from refeed.metrics.top_items import top_items

ItemSets: TypeAlias = tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""Sets of items of B users as compressed sparse rows: integers (B + 1,) row pointers and (nnz,) item indices."""


@dataclass(frozen=True)
class RankingSums:
    """Sums of ranking metrics over users; the sums of disjoint blocks of users add up with `+`.

    Attributes:
        users: number of users counted, those with at least one relevant item.
        totals: the sum over these users of each metric, by name ("ndcg@10", …).
    """

    users: int
    totals: Mapping[str, float]

    def __add__(self, other: RankingSums) -> RankingSums:
        if self.totals.keys() != other.totals.keys():
            raise DataError(f"sums of {', '.join(self.totals)} and of {', '.join(other.totals)} cannot be added")
        totals = {name: total + other.totals[name] for name, total in self.totals.items()}
        return RankingSums(self.users + other.users, totals)

    def result(self) -> dict[str, float]:
        """The mean of each metric over the users counted, by name.

        Raises:
            DataError: no user was counted.
        """
        if self.users == 0:
            raise DataError("no user has a relevant item, so there is no ranking to evaluate")
        return {name: total / self.users for name, total in self.totals.items()}


def ranking_sums(
    scores: npt.NDArray[np.floating[Any]], relevant: ItemSets, seen: ItemSets, *, ks: Sequence[int] = (10,)
) -> RankingSums:
    """Rank the catalogue for B users and sum up NDCG, recall, precision and MAP at each k.

    Args:
        scores: floats (B, n), higher is better; an item at minus infinity is never recommended. Not changed.
        relevant: the items that should come first, each user's without repeats.
        seen: the items that are left out of the ranking.
        ks: lengths of the lists, each at least 1.

    Raises:
        ConfigError: no k, or a k below 1.
        DataError: a score is not a number, the shapes do not fit, an item is both relevant and seen, or relevant twice.
    """
    if not ks or min(ks) < 1:
        raise ConfigError(f"ks: expected lengths of at least 1, got {tuple(ks)}")
    _require_fitting(scores, relevant, "relevant")
    _require_fitting(scores, seen, "seen")
    is_relevant = _membership(relevant, scores.shape)
    if is_relevant[_entries(seen)].any():
        raise DataError("an item is both relevant and seen by one user", fix="Leave the seen items out of the relevant ones.")
    ranked = scores.copy()
    ranked[_entries(seen)] = -np.inf
    top = top_items(ranked, min(max(ks), scores.shape[1]))  # (B, K)
    hits = np.take_along_axis(is_relevant, top, axis=1) & (np.take_along_axis(ranked, top, axis=1) > -np.inf)
    relevant_counts = np.diff(relevant[0])
    counted = np.flatnonzero(relevant_counts)  # (B',)
    totals = {name: total for k in ks for name, total in _totals_at(k, hits[counted], relevant_counts[counted]).items()}
    return RankingSums(len(counted), totals)


def _totals_at(k: int, hits: npt.NDArray[np.bool_], relevant_counts: npt.NDArray[Any]) -> dict[str, float]:
    """Sums over users of the four metrics, from whether each ranked item is relevant, bool (B', K); K may be below k."""
    top = hits[:, :k].astype(np.float64)
    ranks = np.arange(1, top.shape[1] + 1)
    reachable = np.minimum(relevant_counts, k)
    ideal = np.cumsum(1 / np.log2(np.arange(1, k + 1) + 1))  # (k,)
    found = top.sum(axis=1)
    return {
        f"ndcg@{k}": float((top @ (1 / np.log2(ranks + 1)) / ideal[reachable - 1]).sum()),
        f"recall@{k}": float((found / relevant_counts).sum()),
        f"precision@{k}": float(found.sum() / k),
        f"map@{k}": float(((np.cumsum(top, axis=1) / ranks * top).sum(axis=1) / reachable).sum()),
    }


def _entries(sets: ItemSets) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Row and column of each entry."""
    indptr, indices = sets
    return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)), indices


def _membership(sets: ItemSets, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Whether each item is in each user's set, bool (B, n)."""
    members = np.zeros(shape, np.bool_)
    members[_entries(sets)] = True
    if np.count_nonzero(members) != len(sets[1]):
        raise DataError("an item occurs twice among the relevant items of one user")
    return members


def _require_fitting(scores: npt.NDArray[Any], sets: ItemSets, name: str) -> None:
    indptr, indices = sets
    if scores.ndim != 2 or len(indptr) != len(scores) + 1:
        raise DataError(f"scores have the shape {scores.shape} and there are {len(indptr) - 1:,} rows of {name} items")
    if len(indices) and not 0 <= indices.min() <= indices.max() < scores.shape[1]:
        raise DataError(f"{name} items run from {indices.min()} to {indices.max()}, expected 0 to {scores.shape[1] - 1}")
