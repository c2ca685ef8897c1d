"""The ways of splitting ratings into train, valid and test: one frozen dataclass each, with `.apply(ratings)`.

Those that go by time are in `time_splits`; all of them can be imported from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from refeed.config import from_dict, nearest, to_dict
from refeed.data.batches import derive_seed
from refeed.data.ratings import LabelColumn, Ratings
from refeed.data.row_blocks import looked_up, position_counts
from refeed.data.split_assembly import LEFT_OUT, TEST, TRAIN, VALID, Assignment, ColdCounts, Split, assemble, require_share
from refeed.data.time_splits import NetflixSplit, TimeSplit, UserTimeSplit
from refeed.errors import ConfigError, SplitError

__all__ = [
    "SPLITTERS",
    "ColdCounts",
    "ColumnSplit",
    "KFoldSplit",
    "NetflixSplit",
    "RandomSplit",
    "Split",
    "Splitter",
    "TimeSplit",
    "UserTimeSplit",
    "split_from_dict",
    "split_to_dict",
]


@dataclass(frozen=True, kw_only=True)
class RandomSplit:
    """Valid and test are ratings drawn at random, of exactly these shares (rounded); the past is learnt from the future.

    Attributes:
        valid: share of the ratings for valid, 0 to 1.
        test: share of the ratings for test, 0 to 1.
        seed: seed of the draw.
    """

    valid: float = 0.1
    test: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        require_share(self.valid, "valid")
        require_share(self.test, "test")
        if self.valid + self.test >= 1:
            raise SplitError(f"valid and test: expected shares that leave some for train, got {self.valid:g} and {self.test:g}")

    def apply(self, ratings: Ratings) -> Split:
        """Split `ratings`.

        Raises:
            SplitError: a side is left without ratings.
        """
        parts = np.full(len(ratings), TRAIN, np.uint8)
        num_valid, num_test = round(self.valid * len(ratings)), round(self.test * len(ratings))
        parts[:num_valid] = VALID
        parts[num_valid : num_valid + num_test] = TEST
        np.random.default_rng(derive_seed(self.seed, "random split")).shuffle(parts)
        return assemble(ratings, Assignment(parts=parts, fix="Choose larger shares, or use more ratings."), self)


@dataclass(frozen=True, kw_only=True)
class KFoldSplit:
    """The ratings cut at random into folds of equal size (to within one); one fold is test, valid is drawn from the others.

    Attributes:
        folds: number of folds, at least 2.
        fold: which one is test, 0 to folds - 1; the folds are the same whichever it is.
        valid: share of the other folds' ratings for valid, 0 to 1.
        seed: seed of the draws.
    """

    folds: int = 5
    fold: int = 0
    valid: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise SplitError(f"folds: expected at least 2, got {self.folds}")
        if not 0 <= self.fold < self.folds:
            raise SplitError(f"fold: expected 0 to {self.folds - 1}, got {self.fold}")
        require_share(self.valid, "valid")

    def apply(self, ratings: Ratings) -> Split:
        """Split `ratings`.

        Raises:
            SplitError: a side is left without ratings.
        """
        fold_of_rating = np.resize(np.arange(self.folds, dtype=np.uint8 if self.folds <= 256 else np.int32), len(ratings))
        np.random.default_rng(derive_seed(self.seed, "folds")).shuffle(fold_of_rating)
        parts = np.full(len(ratings), TRAIN, np.uint8)
        parts[fold_of_rating == self.fold] = TEST
        _carve_valid(parts, share=self.valid, seed=derive_seed(self.seed, "valid of fold", self.fold))
        return assemble(ratings, Assignment(parts=parts, fix="Choose fewer folds or a larger valid share."), self)


_PART_OF_LABEL: Mapping[str, int] = {
    **dict.fromkeys(("train", "training", "base"), TRAIN),
    **dict.fromkeys(("valid", "validation", "val", "dev"), VALID),
    **dict.fromkeys(("test", "testing"), TEST),
}


@dataclass(frozen=True)
class ColumnSplit:
    """The file's own labels: train, training, base; valid, validation, val, dev; test, testing (in any case).

    Ratings with any other label are left out. Where no rating is labelled valid, valid is drawn at random from train.

    Attributes:
        column: name of the label column.
        valid: share of the training ratings to draw for valid where the column has none, 0 to 1.
        seed: seed of that draw.
    """

    column: str
    _: KW_ONLY
    valid: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        require_share(self.valid, "valid")

    def apply(self, ratings: Ratings) -> Split:
        """Split `ratings`.

        Raises:
            SplitError: there is no such column, no rating is labelled train or test, or a side is left without ratings.
        """
        label = self._find(ratings)
        sizes = position_counts(label.codes, len(label.names))
        part_of_code = [_PART_OF_LABEL.get(name.strip().lower(), LEFT_OUT) for name in label.names]
        parts = looked_up(np.array(part_of_code, np.uint8), label.codes)
        seen = [(name, part, int(size)) for name, part, size in zip(label.names, part_of_code, sizes, strict=True) if size]
        for part, words in ((TRAIN, "train, training or base"), (TEST, "test or testing")):
            if all(other != part for _, other, _ in seen):
                labels = ", ".join(f"'{name}'" for name, _, _ in seen)
                raise SplitError(f"no rating is labelled {words}; the labels there are: {labels}", column=self.column)
        notes: tuple[str, ...] = ()
        if all(part != VALID for _, part, _ in seen):
            drawn = _carve_valid(parts, share=self.valid, seed=derive_seed(self.seed, "valid of column"))
            notes = (
                f"Column '{self.column}' labels no rating as valid; {drawn:,} training ratings ({self.valid:.0%}) "
                f"were drawn for it at random (seed {self.seed}).",
            )
        left_out = {name: size for name, part, size in seen if part == LEFT_OUT}
        assignment = Assignment(
            parts=parts, left_out=left_out, notes=notes, fix="Check the labels, or choose a larger valid share."
        )
        return assemble(ratings, assignment, self)

    def _find(self, ratings: Ratings) -> LabelColumn:
        if self.column not in ratings.labels:
            known = ", ".join(f"'{name}'" for name in ratings.labels) or "none"
            raise SplitError(
                f"there is no label column '{self.column}'; the label columns there are: {known}",
                fix="Name the column when reading the ratings, so that it is read.",
            )
        return ratings.labels[self.column]


Splitter: TypeAlias = TimeSplit | NetflixSplit | UserTimeSplit | RandomSplit | KFoldSplit | ColumnSplit

SPLITTERS: Mapping[str, type[Splitter]] = {
    "time": TimeSplit,
    "netflix": NetflixSplit,
    "user-time": UserTimeSplit,
    "random": RandomSplit,
    "k-fold": KFoldSplit,
    "column": ColumnSplit,
}
"""The ways of splitting by their name in files and on the command line."""


def split_to_dict(splitter: Splitter) -> dict[str, Any]:
    """`splitter` as plain JSON values, with its name under "kind"."""
    kind = next(name for name, splitter_class in SPLITTERS.items() if isinstance(splitter, splitter_class))
    return {"kind": kind, **to_dict(splitter)}


def split_from_dict(values: Mapping[str, Any]) -> Splitter:
    """The splitter that `split_to_dict` wrote.

    Raises:
        ConfigError: no or an unknown kind, an unknown or missing key, or a value of the wrong type.
        SplitError: a value out of its range.
    """
    options = dict(values)
    kind = options.pop("kind", None)
    if kind not in SPLITTERS:
        raise ConfigError(f"split: kind {kind!r} is not a way of splitting{nearest(str(kind), SPLITTERS)}")
    splitter: Splitter = from_dict(SPLITTERS[kind], options, where=f"split '{kind}'")
    return splitter


def _carve_valid(parts: npt.NDArray[np.uint8], *, share: float, seed: int) -> int:
    """Turn this share (rounded) of the TRAIN places of `parts` into VALID, in place; how many that was."""
    in_train = parts == TRAIN
    chosen = parts[in_train]
    size = round(share * len(chosen))
    chosen[np.random.default_rng(seed).choice(len(chosen), size, replace=False)] = VALID
    parts[in_train] = chosen
    return size
