"""`Split`: training, validation and test set under the vocabularies of the first, every rating accounted for."""

from __future__ import annotations

import abc
import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from refeed.config import Bound, Config
from refeed.data.ratings import LabelColumn, Ratings, joined
from refeed.data.row_blocks import BLOCK, chosen_counts, index_counts, pointers, row_blocks
from refeed.data.store.compact_types import item_type
from refeed.data.vocabulary import Vocabulary
from refeed.errors import SplitError
from refeed.reports.notebook import changed_options, facts_table

TRAIN, VALID, TEST, LEFT_OUT = range(4)

Share = Annotated[float, Bound("a share between 0 and 1", lambda value: 0 < value < 1)]


class Splitter(Config, abc.ABC):
    """Base of the ways of splitting ratings: a frozen dataclass of its options.

    Raises:
        ConfigError: an option has the wrong type or is none of its choices.
        SplitError: an option is out of its bounds.
    """

    out_of_bounds = SplitError

    @abc.abstractmethod
    def apply(self, ratings: Ratings) -> Split:
        """Split `ratings`.

        Raises:
            SplitError: the ratings lack what the split goes by (times, a column of labels), or a set has no ratings.
        """


@dataclass(frozen=True)
class ColdCounts:
    """What was dropped from a set as cold: unknown to the training set.

    Attributes:
        users: users of the set without a training rating.
        items: items of the set without a training rating.
        ratings: ratings of the set that were dropped, since their user or item is one of these.
    """

    users: int
    items: int
    ratings: int


@dataclass(frozen=True, eq=False)
class Split:
    """Training, validation and test set.

    All three have the same vocabularies, the users and items of the training set, so that indices agree. The ratings of the
    source are all accounted for: train + valid + test + cold + left out.

    Attributes:
        train: training set.
        valid: validation set, for choosing the best epoch and the settings.
        test: test set.
        splitter: how the split was made.
        cold: by "valid" and "test", what was dropped from the set as unknown to the training set.
        left_out: number of ratings in none of the sets, by reason or label.
        notes: what was decided, in words.
        source_fingerprint: fingerprint of the ratings that were split.

    Examples:
        >>> import numpy as np
        >>> from refeed import RandomSplit, Ratings
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> split = RandomSplit().apply(ratings)
        >>> split
        Split(320 train, 40 valid, 40 test ratings by RandomSplit())
        >>> split.train.items == split.test.items  # one vocabulary, so that indices agree
        True
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
        sizes = f"{len(self.train):,} train, {len(self.valid):,} valid, {len(self.test):,} test ratings"
        return f"Split({sizes} by {changed_options(self.splitter)})"

    def _repr_html_(self) -> str:
        parts = {"training ratings": self.train, "validation ratings": self.valid, "test ratings": self.test}
        return facts_table(
            "Split",
            [
                ("splitter", changed_options(self.splitter)),
                ("users", self.train.num_users),
                ("items", self.train.num_items),
                *((name, len(part)) for name, part in parts.items()),
                *((f"dropped from {name} as cold", counts.ratings) for name, counts in self.cold.items()),
                *((f"left out ({reason})", number) for reason, number in self.left_out.items()),
            ],
        )

    def refitting(self) -> Split:
        """The same with the validation set added to the training set, for a model whose settings are chosen."""
        return replace(self, train=joined(self.train, self.valid), valid=self.valid.select(np.zeros(len(self.valid), bool)))

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the contents of the three sets (32 hex digits)."""
        parts = "".join(part.fingerprint for part in (self.train, self.valid, self.test))
        return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, eq=False)
class Assignment:
    """The set of each rating of a source.

    Attributes:
        parts: uint8 (nnz,), TRAIN, VALID, TEST or LEFT_OUT; `assemble` changes them.
        fix: what to change when a set has no ratings.
        left_out: number of ratings that are LEFT_OUT, by reason or label.
        notes: what was decided, in words.
    """

    parts: npt.NDArray[np.uint8]
    fix: str
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def assemble(ratings: Ratings, assignment: Assignment, splitter: Splitter) -> Split:
    """The split that `assignment` describes, without users and items that the training set does not know.

    Raises:
        SplitError: a set has no ratings.
    """
    parts = assignment.parts
    sizes = index_counts(parts, 4)
    _require_no_empty_set(sizes, assignment.fix)
    with ThreadPoolExecutor(2) as workers:
        fingerprint = workers.submit(lambda: ratings.fingerprint)  # hashing and picking let other threads run
        train_users, train_items = _known(ratings, parts)
        cold = _leave_out_cold(ratings, parts, train_users, train_items)
        _require_warm_sets(sizes, index_counts(parts, 4), assignment.fix)
        frame = ratings.users.take(np.flatnonzero(train_users)), ratings.items.take(np.flatnonzero(train_items))
        train, valid, test = (
            _part(ratings, parts == code, frame, train_users, train_items, workers) for code in (TRAIN, VALID, TEST)
        )
    return Split(
        train=train,
        valid=valid,
        test=test,
        splitter=splitter,
        cold=cold,
        left_out=dict(assignment.left_out),
        notes=assignment.notes,
        source_fingerprint=fingerprint.result(),
    )


def _known(ratings: Ratings, parts: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Whether the training set has ratings of each user, bool (num_users,), and of each item, bool (num_items,)."""
    users, items = np.zeros(ratings.num_users, bool), np.zeros(ratings.num_items, bool)
    for block in row_blocks(ratings.indptr):
        in_train = parts[block.entries] == TRAIN
        users[block.rows] = np.bincount(block.row_of_rating[in_train], minlength=len(block.counts)) > 0
        items[ratings.indices[block.entries][in_train]] = True
    return users, items


def _leave_out_cold(
    ratings: Ratings,
    parts: npt.NDArray[np.uint8],
    train_users: npt.NDArray[np.bool_],
    train_items: npt.NDArray[np.bool_],
) -> dict[str, ColdCounts]:
    """Mark in `parts` what the training set does not know as LEFT_OUT; how much that was."""
    codes = {"valid": VALID, "test": TEST}
    if train_users.all() and train_items.all():
        return dict.fromkeys(codes, ColdCounts(0, 0, 0))
    users = {name: np.zeros(ratings.num_users, bool) for name in codes}
    items = {name: np.zeros(ratings.num_items, bool) for name in codes}
    dropped = dict.fromkeys(codes, 0)
    for block in row_blocks(ratings.indptr):
        part, rows, columns = parts[block.entries], block.row_of_rating, ratings.indices[block.entries]
        known = train_users[block.rows][rows] & train_items[columns]
        for name, code in codes.items():
            cold = (part == code) & ~known
            users[name][block.rows.start + rows[cold]] = True
            items[name][columns[cold]] = True
            dropped[name] += int(np.count_nonzero(cold))
        part[~known] = LEFT_OUT  # a view of `parts`
    return {
        name: ColdCounts(
            users=int(np.count_nonzero(users[name] & ~train_users)),
            items=int(np.count_nonzero(items[name] & ~train_items)),
            ratings=dropped[name],
        )
        for name in codes
    }


def _part(
    ratings: Ratings,
    chosen: npt.NDArray[np.bool_],
    frame: tuple[Vocabulary, Vocabulary],
    train_users: npt.NDArray[np.bool_],
    train_items: npt.NDArray[np.bool_],
    workers: ThreadPoolExecutor,
) -> Ratings:
    """The `chosen` ratings, all of users and items of the training set, under the vocabularies `frame` of those.

    Leaving out rows and columns keeps the rest in order, so nothing needs to be sorted again. Values and times
    are left to the workers.
    """
    values = workers.submit(ratings.values.__getitem__, chosen)
    times = None if ratings.timestamps is None else workers.submit(ratings.timestamps.__getitem__, chosen)
    new_item = (np.cumsum(train_items) - 1).astype(item_type(len(frame[1])))  # (num_items,)
    return replace(
        ratings,
        users=frame[0],
        items=frame[1],
        indptr=pointers(chosen_counts(ratings.indptr, chosen)[train_users]),
        indices=_renumbered(ratings.indices, chosen, new_item),
        values=values.result(),
        timestamps=None if times is None else times.result(),
        labels={name: LabelColumn(label.codes[chosen], label.names) for name, label in ratings.labels.items()},
    )


def _renumbered(indices: npt.NDArray[Any], chosen: npt.NDArray[np.bool_], new_index: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """new_index[indices[chosen]], without a copy of the chosen indices."""
    found = np.empty(np.count_nonzero(chosen), new_index.dtype)
    done = 0
    for start in range(0, len(indices), BLOCK):
        block = slice(start, start + BLOCK)
        part = new_index[indices[block][chosen[block]]]
        found[done : done + len(part)] = part
        done += len(part)
    return found


def _require_no_empty_set(sizes: npt.NDArray[np.int64], fix: str) -> None:
    train, valid, test, _ = sizes.tolist()
    for name, size in (("train", train), ("valid", valid), ("test", test)):
        if size == 0:
            raise SplitError(
                f"the {name} set has no ratings (train {train:,}, valid {valid:,}, test {test:,}), expected some in each set",
                fix=fix,
            )


def _require_warm_sets(sizes: npt.NDArray[np.int64], left: npt.NDArray[np.int64], fix: str) -> None:
    for name, code in (("valid", VALID), ("test", TEST)):
        if left[code] == 0:
            raise SplitError(
                f"the {name} set has no ratings left: all {sizes[code]:,} are of users or items without a training rating "
                f"({sizes[TRAIN]:,} training ratings)",
                fix=fix,
            )


def carve_valid(parts: npt.NDArray[np.uint8], *, share: float, seed: int) -> int:
    """Turn this share (rounded) of the TRAIN entries of `parts` into VALID, in place; how many that was."""
    in_train = parts == TRAIN
    chosen = parts[in_train]
    size = round(share * len(chosen))
    chosen[np.random.default_rng(seed).choice(len(chosen), size, replace=False)] = VALID
    parts[in_train] = chosen
    return size
