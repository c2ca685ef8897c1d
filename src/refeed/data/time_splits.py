"""The ways of splitting ratings by time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from refeed.data.batches import derive_seed
from refeed.data.ratings import Ratings
from refeed.data.split_assembly import LEFT_OUT, TEST, TRAIN, VALID, Assignment, Split, assemble, require_share
from refeed.errors import SplitError


@dataclass(frozen=True, kw_only=True)
class TimeSplit:
    """One global time line, as in the paper: the past is train, a fair coin sends the future to valid or test.

    Times are ISO dates or datetimes (UTC where they name no zone) or whole seconds since 1970 as a text. Exactly one of `at`
    and `fraction` says where the future begins.

    Attributes:
        at: the future begins with the ratings of this time.
        fraction: the future begins at the time of the rating at this share of the time line, 0 to 1; the ratings of one second
            stay together. The time line is that of the ratings within `train_from` and `test_until`.
        train_from: ratings before this time are left out.
        test_until: ratings from this time on are left out.
        valid_share: chance of a later rating to go to valid instead of test, 0 to 1.
        seed: seed of the coin.
    """

    at: str | None = None
    fraction: float | None = None
    train_from: str | None = None
    test_until: str | None = None
    valid_share: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.at is None) == (self.fraction is None):
            raise SplitError("a time split needs either at (a date) or fraction (a share of the ratings), exactly one of them")
        for name in ("at", "train_from", "test_until"):
            if getattr(self, name) is not None:
                _seconds(getattr(self, name), name)
        if self.fraction is not None:
            require_share(self.fraction, "fraction")
        require_share(self.valid_share, "valid_share")

    def apply(self, ratings: Ratings) -> Split:
        """Split `ratings`.

        Raises:
            SplitError: the ratings have no timestamps, or a side is left without ratings.
        """
        times = _require_times(ratings, "time split")
        first = -math.inf if self.train_from is None else _seconds(self.train_from, "train_from")
        end = math.inf if self.test_until is None else _seconds(self.test_until, "test_until")
        early, late = times < first, times >= end  # bool (nnz,)
        if self.fraction is not None:
            boundary = _boundary(times[~(early | late)], self.fraction)
        else:
            boundary = _seconds(str(self.at), "at")
        later = (times >= boundary) & ~late
        coin = np.random.default_rng(derive_seed(self.seed, "time split")).random(int(later.sum()))
        parts = np.full(len(ratings), TRAIN, np.uint8)
        parts[later] = np.where(coin < self.valid_share, VALID, TEST)
        parts[early | late] = LEFT_OUT
        assignment = Assignment(
            parts=parts,
            left_out=_nonzero({f"before {self.train_from}": early, f"from {self.test_until} on": late & ~early}),
            notes=(f"The future begins at {_iso(boundary)}.",),
            fix=f"The future begins at {_iso(boundary)}; the ratings reach from {_iso(times.min())} to {_iso(times.max())}. "
            "Choose another time or fraction.",
        )
        return assemble(ratings, assignment, self)


NETFLIX_MONTHS: Mapping[str, tuple[str, str, str]] = {
    "full": ("1999-12-01", "2005-12-01", "2006-01-01"),
    "3-months": ("2005-09-01", "2005-12-01", "2006-01-01"),
    "6-months": ("2005-06-01", "2005-12-01", "2006-01-01"),
    "1-year": ("2004-06-01", "2005-06-01", "2005-07-01"),
}
"""The paper's splits of the Netflix Prize data: first day of train, first day of the test month, first day after it."""


@dataclass(frozen=True)
class NetflixSplit:
    """One of the paper's four splits of the Netflix Prize data: a `TimeSplit` by name, in UTC.

    Attributes:
        name: "full", "3-months", "6-months" or "1-year"; the dates are in NETFLIX_MONTHS.
        seed: seed of the coin between valid and test.
    """

    name: Literal["full", "3-months", "6-months", "1-year"]
    _: KW_ONLY
    seed: int = 0

    def __post_init__(self) -> None:
        if self.name not in NETFLIX_MONTHS:
            raise SplitError(f"there is no Netflix split '{self.name}'; there are {', '.join(NETFLIX_MONTHS)}")

    def apply(self, ratings: Ratings) -> Split:
        """Split `ratings`.

        Raises:
            SplitError: the ratings have no timestamps, or a side is left without ratings.
        """
        train_from, at, test_until = NETFLIX_MONTHS[self.name]
        rule = TimeSplit(at=at, train_from=train_from, test_until=test_until, seed=self.seed)
        return replace(rule.apply(ratings), splitter=self)


@dataclass(frozen=True, kw_only=True)
class UserTimeSplit:
    """Each user's last ratings by time are test and the ones before those valid; not one time line, so the future leaks.

    Exactly one of `fraction` and `last` says how many. Ratings of one user at the same second are taken in the order of the
    items. A user with too few ratings to fill all three sides stays in train whole.

    Attributes:
        fraction: share of each user's ratings for test, rounded down, 0 to 1.
        last: number of each user's ratings for test, at least 1.
        valid_fraction: share for valid; None is the same as `fraction`.
        valid_last: number for valid; None is the same as `last`.
    """

    fraction: float | None = None
    last: int | None = None
    valid_fraction: float | None = None
    valid_last: int | None = None

    def __post_init__(self) -> None:
        if (self.fraction is None) == (self.last is None):
            raise SplitError("a split by each user's time needs either fraction or last (a number), exactly one of them")
        if (self.fraction is None and self.valid_fraction is not None) or (self.last is None and self.valid_last is not None):
            raise SplitError("valid_fraction goes with fraction, and valid_last with last; valid and test are cut the same way")
        for name in ("fraction", "valid_fraction"):
            if getattr(self, name) is not None:
                require_share(getattr(self, name), name)
        for name in ("last", "valid_last"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise SplitError(f"{name}: expected at least 1 rating, got {getattr(self, name)}")

    def apply(self, ratings: Ratings) -> Split:
        """Split `ratings`.

        Raises:
            SplitError: the ratings have no timestamps, or a side is left without ratings.
        """
        times = _require_times(ratings, "split by each user's time")
        counts, rows = ratings.user_counts, ratings.row_of_rating
        test, valid = self._sizes(counts)  # int64 (num_users,) each
        short = (test == 0) | (valid == 0) | (test + valid >= counts)
        test[short] = valid[short] = 0
        order = np.lexsort((times, rows))  # by user, then time; stable, so by item among equal times
        left = np.repeat(ratings.indptr[1:], counts) - np.arange(len(ratings))  # ratings of the user from this place on
        parts = np.full(len(ratings), TRAIN, np.uint8)
        parts[order[left <= (test + valid)[rows]]] = VALID
        parts[order[left <= test[rows]]] = TEST
        whole, tied = int((short & (counts > 0)).sum()), _tied_borders(times[order], parts[order], rows)
        assignment = Assignment(
            parts=parts,
            notes=(
                f"Users with too few ratings for all three sides, whose ratings are all in train: {whole:,}.",
                f"Users with a border between ratings of the same second, taken in the order of the items: {tied:,}.",
            ),
            fix="Most users have too few ratings for this; choose fewer of each, or a split that does not go by user.",
        )
        return assemble(ratings, assignment, self)

    def _sizes(self, counts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Number of test and valid ratings asked of each user, int64 (num_users,) each."""
        if self.last is not None:
            return np.full(len(counts), self.last), np.full(len(counts), self.valid_last or self.last)
        shares = self.fraction, self.valid_fraction or self.fraction
        test, valid = (np.floor(counts * share + 1e-9).astype(np.int64) for share in shares if share is not None)
        return test, valid


def _require_times(ratings: Ratings, what: str) -> npt.NDArray[Any]:
    """The timestamps, integers (nnz,)."""
    if ratings.timestamps is None:
        raise SplitError(
            f"a {what} needs timestamps, and these ratings have none",
            fix="Name the time column when reading the ratings, or choose a random split.",
        )
    if len(ratings) == 0:
        raise SplitError("there are no ratings to split")
    return np.asarray(ratings.timestamps)


def _seconds(text: str, name: str) -> int:
    """The first whole second since 1970 UTC that is not before the time `text`."""
    if text.lstrip("-").isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SplitError(
            f"{name}: expected a date such as 2005-12-01 or 2005-12-01T18:30:00Z, or whole seconds since 1970, got '{text}'"
        ) from None
    return math.ceil((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _iso(seconds: Any) -> str:
    return f"{np.datetime64(int(seconds), 's')}Z"


def _boundary(times: npt.NDArray[Any], fraction: float) -> int:
    """The time of the rating at this share of the time line `times`, integers (any,)."""
    if len(times) == 0:
        raise SplitError("no rating lies between train_from and test_until; choose a wider span")
    place = int(fraction * len(times) + 1e-9)  # 0.29 * 100 is a little less than 29
    return int(np.partition(times, place)[place])


def _nonzero(masks: Mapping[str, npt.NDArray[np.bool_]]) -> dict[str, int]:
    """How often each mask is true, without those that never are."""
    return {reason: int(mask.sum()) for reason, mask in masks.items() if mask.any()}


def _tied_borders(times: npt.NDArray[Any], parts: npt.NDArray[np.uint8], rows: npt.NDArray[np.int32]) -> int:
    """Number of users with neighbours of the same second in different parts; all (nnz,), by user and time."""
    tied = (rows[1:] == rows[:-1]) & (times[1:] == times[:-1]) & (parts[1:] != parts[:-1])
    return int(np.count_nonzero(np.bincount(rows[1:][tied])))
