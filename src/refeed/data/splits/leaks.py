"""Leaks of a split, what training can see of the test set: pairs in two sets, and the future."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.data.ratings import Ratings
from refeed.data.row_blocks import row_blocks
from refeed.data.splits.base import ColdCounts, Split


@dataclass(frozen=True)
class TimeLeaks:
    """The times of the test set against those of the training set; shares are 0 to 1.

    Attributes:
        train_after_first_test: share of the training ratings that are later than the earliest test rating.
        test_before_last_train: share of the test ratings that are earlier than the newest training rating.
        test_before_own_train: share of the test ratings that are earlier than a training rating of the same user.
        ties: test ratings at the very second of the newest training rating.
        own_ties: test ratings at the very second of the same user's newest training rating.
    """

    train_after_first_test: float
    test_before_last_train: float
    test_before_own_train: float
    ties: int
    own_ties: int


@dataclass(frozen=True)
class LeakReport:
    """The result of `audit_leaks`.

    Attributes:
        repeated_pairs: number of (user, item) pairs in both of two sets, by "train and valid" and so on.
        times: the times of the sets, or None without timestamps.
        future_leaks: whether a training rating is later than a test rating; None without timestamps.
        verdict: the same as one plain sentence.
        cold: by "valid" and "test", what was dropped from the set as unknown to the training set.
        findings: everything worth knowing, as sentences.
    """

    repeated_pairs: Mapping[str, int]
    times: TimeLeaks | None
    future_leaks: bool | None
    verdict: str
    cold: Mapping[str, ColdCounts]
    findings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {**asdict(self), "findings": list(self.findings)}


def audit_leaks(split: Split) -> LeakReport:
    """Look for leaks: pairs in two sets, and training ratings that are later than test ratings."""
    repeated = _repeated_pairs({"train": split.train, "valid": split.valid, "test": split.test})
    times = _time_leaks(split.train, split.test)
    verdict = _verdict(times)
    findings = [
        *(f"{count:,} pairs of a user and an item are in both {names}." for names, count in repeated.items() if count),
        verdict,
        *_time_findings(times),
        *_cold_findings(split.cold),
    ]
    return LeakReport(
        repeated_pairs=repeated,
        times=times,
        future_leaks=None if times is None else times.train_after_first_test > 0,
        verdict=verdict,
        cold=dict(split.cold),
        findings=tuple(findings),
    )


def _repeated_pairs(sets: Mapping[str, Ratings]) -> dict[str, int]:
    return {f"{first} and {second}": _num_common(sets[first], sets[second]) for first, second in combinations(sets, 2)}


def _num_common(first: Ratings, second: Ratings) -> int:
    """Number of pairs in both of two sets, which have the same vocabularies."""
    larger, smaller = (first, second) if len(first) >= len(second) else (second, first)
    common = 0
    for block in row_blocks(larger.indptr):
        keys, sought = _pair_keys(larger, block.rows), _pair_keys(smaller, block.rows)
        found = np.searchsorted(keys, sought)
        within = found < len(keys)
        common += int(np.count_nonzero(keys[found[within]] == sought[within]))
    return common


def _pair_keys(ratings: Ratings, rows: slice) -> npt.NDArray[np.int64]:
    """A number for each rating's user and item, of the users `rows`, int64 (ratings of these,), increasing."""
    pointers = ratings.indptr[rows.start : rows.stop + 1]
    users = np.repeat(np.arange(rows.start, rows.stop), np.diff(pointers))
    keys: npt.NDArray[np.int64] = users * ratings.num_items + ratings.indices[pointers[0] : pointers[-1]]
    return keys


def _time_leaks(train: Ratings, test: Ratings) -> TimeLeaks | None:
    if train.timestamps is None or test.timestamps is None:
        return None
    first_test, last_train = test.timestamps.min(), train.timestamps.max()
    own_last_train = _last_times(train)[test.row_of_rating]  # int64 (nnz of test,)
    return TimeLeaks(
        train_after_first_test=float((train.timestamps > first_test).mean()),
        test_before_last_train=float((test.timestamps < last_train).mean()),
        test_before_own_train=float((test.timestamps < own_last_train).mean()),
        ties=int((test.timestamps == last_train).sum()),
        own_ties=int((test.timestamps == own_last_train).sum()),
    )


def _last_times(ratings: Ratings) -> npt.NDArray[np.int64]:
    """The time of each user's newest rating, int64 (num_users,); every user has one, as in the training set of a split."""
    newest = np.maximum.reduceat(np.asarray(ratings.timestamps), ratings.indptr[:-1])
    return newest.astype(np.int64)


def _verdict(times: TimeLeaks | None) -> str:
    if times is None:
        return "Whether the future leaks cannot be judged: the ratings have no timestamps."
    if times.train_after_first_test == 0:
        return "The future does not leak: no training rating is later than the earliest test rating."
    share = _percent(times.train_after_first_test)
    return f"The future leaks: {share} of the training ratings are later than the earliest test rating."


def _time_findings(times: TimeLeaks | None) -> list[str]:
    if times is None:
        return []
    findings = []
    if times.test_before_last_train:
        findings.append(
            f"{_percent(times.test_before_last_train)} of the test ratings are older than the newest training rating."
        )
    if times.test_before_own_train:
        share = _percent(times.test_before_own_train)
        findings.append(f"{share} of the test ratings are older than a training rating of the same user.")
    if times.ties:
        findings.append(f"{times.ties:,} test ratings are of the very second of the newest training rating.")
    if times.own_ties:
        findings.append(f"{times.own_ties:,} test ratings are of the very second of the same user's newest training rating.")
    return findings


def _cold_findings(cold: Mapping[str, ColdCounts]) -> list[str]:
    return [
        f"{counts.ratings:,} {part} ratings were dropped, since {counts.users:,} users and {counts.items:,} items of {part} "
        "have no training rating."
        for part, counts in cold.items()
        if counts.ratings
    ]


def _percent(share: float) -> str:
    """A share above 0 in words that are never "0%", and "100%" only when it is all."""
    if share < 0.01:
        return "less than 1%"
    return "more than 99%" if 0.99 < share < 1 else f"{share:.0%}"
