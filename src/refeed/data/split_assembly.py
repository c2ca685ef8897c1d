"""From "which rating goes where" to a `Split`: three parts under the vocabularies of train, every rating accounted for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from refeed.data.ratings import LabelColumn, Ratings
from refeed.data.vocabulary import Vocabulary
from refeed.errors import SplitError

if TYPE_CHECKING:
    from refeed.data.splits import Splitter

TRAIN, VALID, TEST, LEFT_OUT = range(4)


@dataclass(frozen=True)
class ColdCounts:
    """What a part lost because train does not know it.

    Attributes:
        users: users of the part without a training rating.
        items: items of the part without a training rating.
        ratings: ratings of the part that were dropped, since their user or item is one of these.
    """

    users: int
    items: int
    ratings: int


@dataclass(frozen=True, eq=False)
class Split:
    """Ratings to learn from, to choose by, and to test on.

    All three have the same vocabularies, the users and items that occur in train, so that positions agree. The ratings of the
    source are all accounted for: train + valid + test + cold + left out.

    Attributes:
        train: ratings to learn from.
        valid: ratings to choose by (the best epoch, the settings).
        test: ratings to test on, once.
        splitter: how the split was made.
        cold: what "valid" and "test" lost because train does not know it.
        left_out: number of ratings in none of the parts, by reason or label.
        notes: what was decided, for people.
        source_fingerprint: fingerprint of the ratings that were split.
    """

    train: Ratings
    valid: Ratings
    test: Ratings
    splitter: Splitter
    cold: Mapping[str, ColdCounts]
    left_out: Mapping[str, int]
    notes: tuple[str, ...]
    source_fingerprint: str

    def __repr__(self) -> str:
        return (
            f"Split({len(self.train):,} train, {len(self.valid):,} valid, {len(self.test):,} test ratings by {self.splitter})"
        )

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the three parts' contents (32 hex digits)."""
        parts = "".join(part.fingerprint for part in (self.train, self.valid, self.test))
        return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, eq=False)
class Assignment:
    """Where each rating of a source goes.

    Attributes:
        parts: uint8 (nnz,), TRAIN, VALID, TEST or LEFT_OUT.
        fix: what to change when a side is left without ratings.
        left_out: number of ratings that are LEFT_OUT, by reason or label.
        notes: what was decided, for people.
    """

    parts: npt.NDArray[np.uint8]
    fix: str
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def assemble(ratings: Ratings, assignment: Assignment, splitter: Splitter) -> Split:
    """The split that `assignment` describes, without users and items that train does not know.

    Raises:
        SplitError: a side is left without ratings.
    """
    parts, rows = assignment.parts, ratings.row_of_rating
    _require_no_empty_side(np.bincount(parts, minlength=4), assignment.fix)
    in_train = parts == TRAIN
    known_users = np.bincount(rows[in_train], minlength=ratings.num_users) > 0  # bool (num_users,)
    known_items = np.bincount(ratings.indices[in_train], minlength=ratings.num_items) > 0  # bool (num_items,)
    known = known_users[rows] & known_items[ratings.indices]  # bool (nnz,)
    cold = {}
    for name, code in (("valid", VALID), ("test", TEST)):
        dropped = (parts == code) & ~known
        cold[name] = ColdCounts(
            users=int(np.count_nonzero(np.bincount(rows[dropped], minlength=ratings.num_users)[~known_users])),
            items=int(np.count_nonzero(np.bincount(ratings.indices[dropped], minlength=ratings.num_items)[~known_items])),
            ratings=int(dropped.sum()),
        )
    _require_warm_sides(parts, known, assignment.fix)
    frame = ratings.users.take(np.flatnonzero(known_users)), ratings.items.take(np.flatnonzero(known_items))
    train, valid, test = (
        _part(ratings, (parts == code) & known, rows, frame, known_users, known_items) for code in (TRAIN, VALID, TEST)
    )
    return Split(
        train=train,
        valid=valid,
        test=test,
        splitter=splitter,
        cold=cold,
        left_out=dict(assignment.left_out),
        notes=assignment.notes,
        source_fingerprint=ratings.fingerprint,
    )


def require_share(share: float, name: str) -> None:
    """Check that a share leaves something on both sides.

    Raises:
        SplitError: it is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise SplitError(f"{name}: expected a share between 0 and 1, got {share:g}")


def _part(
    ratings: Ratings,
    chosen: npt.NDArray[np.bool_],
    rows: npt.NDArray[np.int32],
    frame: tuple[Vocabulary, Vocabulary],
    known_users: npt.NDArray[np.bool_],
    known_items: npt.NDArray[np.bool_],
) -> Ratings:
    """The `chosen` ratings, all of known users and items, under the vocabularies `frame` of those.

    Leaving out rows and columns keeps the rest in order, so nothing needs to be sorted again.
    """
    indptr = np.zeros(len(frame[0]) + 1, np.int64)
    np.cumsum(np.bincount(rows[chosen], minlength=ratings.num_users)[known_users], out=indptr[1:])
    new_item = np.cumsum(known_items, dtype=np.int32) - 1  # int32 (num_items,)
    return replace(
        ratings,
        users=frame[0],
        items=frame[1],
        indptr=indptr,
        indices=new_item[ratings.indices[chosen]],
        values=ratings.values[chosen],
        timestamps=None if ratings.timestamps is None else ratings.timestamps[chosen],
        labels={name: LabelColumn(label.codes[chosen], label.names) for name, label in ratings.labels.items()},
    )


def _require_no_empty_side(sizes: npt.NDArray[np.int64], fix: str) -> None:
    train, valid, test, _ = sizes.tolist()
    for name, size in (("train", train), ("valid", valid), ("test", test)):
        if size == 0:
            raise SplitError(
                f"the {name} side has no ratings (train {train:,}, valid {valid:,}, test {test:,}), expected some on each side",
                fix=fix,
            )


def _require_warm_sides(parts: npt.NDArray[np.uint8], known: npt.NDArray[np.bool_], fix: str) -> None:
    for name, code in (("valid", VALID), ("test", TEST)):
        side = parts == code
        if not known[side].any():
            raise SplitError(
                f"the {name} side has no ratings left: all {int(side.sum()):,} are of users or items without a training rating "
                f"({int((parts == TRAIN).sum()):,} training ratings)",
                fix=fix,
            )
