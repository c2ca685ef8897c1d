"""The ways of splitting ratings by time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from refeed.config import Bound, PositiveInt
from refeed.data.instants import EXPECTED, seconds_of
from refeed.data.pair_order import pair_order
from refeed.data.ratings import Ratings
from refeed.data.row_blocks import row_blocks
from refeed.data.splits.base import LEFT_OUT, TEST, TRAIN, VALID, Assignment, Share, Split, Splitter, assemble
from refeed.errors import SplitError
from refeed.seeds import derive_seed

SORTED_AT_A_TIME = 1 << 20  # ratings; so few that user, time and index fit into one number
LATEST = np.iinfo(np.int64).max  # time

Instant = Annotated[str, Bound(EXPECTED, lambda text: seconds_of(text) is not None)]


@dataclass(frozen=True, kw_only=True)
class TimeSplit(Splitter):
    """Global time split, as in Kuchaiev & Ginsburg (2017): the past is for training, the future for validation and test.

    Times are ISO dates or datetimes (UTC where they name no zone) or whole seconds since 1970 as a text. Exactly one of `at`
    and `fraction` gives the start of the future.

    Attributes:
        at: time at which the future starts.
        fraction: share of the ratings, in the order of time, before the future starts, above 0 and below 1; ratings of the same
            second stay together. Only ratings within `train_from` and `test_until` count.
        train_from: ratings before this time are left out.
        test_until: ratings from this time on are left out.
        valid_share: probability that a future rating is for validation instead of test, above 0 and below 1.
        seed: of that random choice.

    Raises:
        SplitError: a value out of its range, or not exactly one of `at` and `fraction`.

    Examples:
        >>> import numpy as np
        >>> from refeed import Ratings, TimeSplit
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> times = 10**9 + 86_400 * ((users + items) % 50)
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5, timestamps=times)
        >>> TimeSplit(at="2001-10-09").apply(ratings)
        Split(208 train, 111 valid, 81 test ratings by TimeSplit(at='2001-10-09'))
        >>> split = TimeSplit(fraction=0.8).apply(ratings)
        >>> split.notes
        ('The future begins at 2001-10-18T01:46:40Z.',)
    """

    at: Instant | None = None
    fraction: Share | None = None
    train_from: Instant | None = None
    test_until: Instant | None = None
    valid_share: Share = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.at is None) == (self.fraction is None):
            raise SplitError("a time split needs either at (a date) or fraction (a share of the ratings), exactly one of them")

    @override
    def apply(self, ratings: Ratings) -> Split:
        times = _require_times(ratings, "time split")
        early = None if self.train_from is None else times < _seconds(self.train_from)  # bool (nnz,)
        late = None if self.test_until is None else times >= _seconds(self.test_until)  # bool (nnz,)
        boundary = _boundary(times, self.fraction, (early, late)) if self.at is None else _seconds(self.at)
        later = times >= boundary
        if late is not None:
            later &= ~late
        coin = np.random.default_rng(derive_seed(self.seed, "time split")).random(int(np.count_nonzero(later)))
        parts = np.full(len(ratings), TRAIN, np.uint8)
        parts[later] = np.where(coin < self.valid_share, np.uint8(VALID), np.uint8(TEST))
        left_out = {
            f"before {self.train_from}": _leave_out(parts, early),
            f"from {self.test_until} on": _leave_out(parts, late),
        }
        assignment = Assignment(
            parts=parts,
            left_out={reason: count for reason, count in left_out.items() if count},
            notes=(f"The future begins at {_iso(boundary)}.",),
            fix=f"The future begins at {_iso(boundary)}; the ratings reach from {_iso(times.min())} to {_iso(times.max())}. "
            "Choose another time or fraction.",
        )
        return assemble(ratings, assignment, self)


NetflixName = Literal["full", "3-months", "6-months", "1-year"]

NETFLIX_MONTHS: Mapping[NetflixName, tuple[str, str, str]] = {
    "full": ("1999-12-01", "2005-12-01", "2006-01-01"),
    "3-months": ("2005-09-01", "2005-12-01", "2006-01-01"),
    "6-months": ("2005-06-01", "2005-12-01", "2006-01-01"),
    "1-year": ("2004-06-01", "2005-06-01", "2005-07-01"),
}
"""The paper's splits of the Netflix Prize data: first day of train, first day of the test month, first day after it."""


@dataclass(frozen=True)
class NetflixSplit(Splitter):
    """One of the four splits of the Netflix Prize data in Kuchaiev & Ginsburg (2017), table 1: a `TimeSplit` by name, in UTC.

    Attributes:
        name: "full", "3-months", "6-months" or "1-year"; the dates are in NETFLIX_MONTHS.
        seed: of the random choice between validation and test.

    Raises:
        SplitError: there is no split of that name.

    Examples:
        >>> import numpy as np
        >>> from refeed import NetflixSplit, Ratings
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> times = 1_125_532_800 + 2 * 86_400 * ((users + items) % 60)  # from 2005-09-01 on
        >>> NetflixSplit("3-months").apply(Ratings.from_columns(users, items, 1 + items % 5, timestamps=times))
        Split(334 train, 35 valid, 31 test ratings by NetflixSplit(name='3-months'))
    """

    name: NetflixName
    _: KW_ONLY
    seed: int = 0

    @override
    def apply(self, ratings: Ratings) -> Split:
        train_from, at, test_until = NETFLIX_MONTHS[self.name]
        rule = TimeSplit(at=at, train_from=train_from, test_until=test_until, seed=self.seed)
        return replace(rule.apply(ratings), splitter=self)


@dataclass(frozen=True, kw_only=True)
class UserTimeSplit(Splitter):
    """Per-user time split: each user's last ratings are for test, the ones before those for validation.

    Users have time lines of their own, so that the ratings of other users leak information about the future. Exactly one of
    `fraction` and `last` is given. Ratings of a user at the same second are in the order of the items. All ratings of a user
    with too few for all three sets are for training.

    Attributes:
        fraction: share of each user's ratings for test, rounded down, above 0 and below 1.
        last: number of each user's ratings for test, at least 1.
        valid_fraction: share for validation; None: the same as `fraction`.
        valid_last: number for validation; None: the same as `last`.

    Raises:
        SplitError: a value out of its range, or not exactly one of `fraction` and `last`.

    Examples:
        >>> import numpy as np
        >>> from refeed import Ratings, UserTimeSplit
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> times = 10**9 + 86_400 * ((users + items) % 50)
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5, timestamps=times)
        >>> UserTimeSplit(last=1).apply(ratings)  # each user's latest rating is for test, the one before it for validation
        Split(340 train, 30 valid, 30 test ratings by UserTimeSplit(last=1))
    """

    fraction: Share | None = None
    last: PositiveInt | None = None
    valid_fraction: Share | None = None
    valid_last: PositiveInt | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.fraction is None) == (self.last is None):
            raise SplitError("a split by each user's time needs either fraction or last (a number), exactly one of them")
        if (self.fraction is None and self.valid_fraction is not None) or (self.last is None and self.valid_last is not None):
            raise SplitError("valid_fraction goes with fraction, and valid_last with last; valid and test are cut the same way")

    @override
    def apply(self, ratings: Ratings) -> Split:
        times = _require_times(ratings, "split by each user's time")
        counts = ratings.user_counts
        test, valid = self._sizes(counts)  # int64 (num_users,) each
        short = (test == 0) | (valid == 0) | (test + valid >= counts)
        test[short] = valid[short] = 0
        parts, tied = np.full(len(ratings), TRAIN, np.uint8), 0
        for block in row_blocks(ratings.indptr, size=SORTED_AT_A_TIME):
            moments, rows = times[block.entries].astype(np.int64), block.row_of_rating
            order, _ = pair_order(rows, moments - moments.min(initial=LATEST))  # by user, then time, then item
            left = np.repeat(np.cumsum(block.counts), block.counts) - np.arange(len(rows))  # of the user from here on
            part = np.full(len(rows), TRAIN, np.uint8)
            part[order[left <= (test + valid)[block.rows][rows]]] = VALID
            part[order[left <= test[block.rows][rows]]] = TEST
            parts[block.entries] = part
            tied += _tied_borders(moments[order], part[order], rows)
        whole = int((short & (counts > 0)).sum())
        assignment = Assignment(
            parts=parts,
            notes=(
                f"Users with too few ratings for all three sets, whose ratings are all for training: {whole:,}.",
                f"Users with a border between ratings of the same second, taken in the order of the items: {tied:,}.",
            ),
            fix="Most users have too few ratings for this; choose fewer of each, or a split that does not go by user.",
        )
        return assemble(ratings, assignment, self)

    def _sizes(self, counts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Number of test and validation ratings of each user, int64 (num_users,) each."""
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


def _seconds(instant: Instant) -> int:
    """The first whole second since 1970 UTC that is not before the instant."""
    seconds = seconds_of(instant)
    assert seconds is not None  # by the bound of `Instant`
    return seconds


def _iso(seconds: Any) -> str:
    return f"{np.datetime64(int(seconds), 's')}Z"


def _boundary(times: npt.NDArray[Any], fraction: float | None, left_out: Sequence[npt.NDArray[np.bool_] | None]) -> int:
    """The time of the rating at this share of the time line `times`, integers (nnz,), without those that are left out."""
    assert fraction is not None  # there is either a date or a fraction
    outside = [mask for mask in left_out if mask is not None]
    line = times[~np.logical_or.reduce(outside)] if outside else times.copy()
    if len(line) == 0:
        raise SplitError("no rating lies between train_from and test_until; choose a wider span")
    index = int(fraction * len(line) + 1e-9)  # 0.29 * 100 is a little less than 29
    line.partition(index)
    return int(line[index])


def _leave_out(parts: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_] | None) -> int:
    """Make `parts` LEFT_OUT where `mask` says so; how many ratings that adds to those left out already."""
    if mask is None:
        return 0
    count = int(np.count_nonzero(parts[mask] != LEFT_OUT))
    parts[mask] = LEFT_OUT
    return count


def _tied_borders(times: npt.NDArray[Any], parts: npt.NDArray[np.uint8], rows: npt.NDArray[np.int32]) -> int:
    """Number of users with neighbours of the same second in different sets; all (nnz,), by user and time."""
    tied = (rows[1:] == rows[:-1]) & (times[1:] == times[:-1]) & (parts[1:] != parts[:-1])
    return int(np.count_nonzero(np.bincount(rows[1:][tied])))
