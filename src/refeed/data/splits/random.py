"""Splits that draw ratings at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from typing_extensions import override

from refeed.config import Bound
from refeed.data.ratings import Ratings
from refeed.data.splits.base import TEST, TRAIN, VALID, Assignment, Share, Split, Splitter, assemble, carve_valid
from refeed.errors import SplitError
from refeed.seeds import derive_seed

Folds = Annotated[int, Bound("at least 2", lambda value: value >= 2)]


@dataclass(frozen=True, kw_only=True)
class RandomSplit(Splitter):
    """Random split: validation and test sets are random ratings, exactly these shares of all (rounded).

    Where ratings have times, such a split learns the past from the future; prefer `TimeSplit`.

    Attributes:
        valid: share of the ratings for the validation set, above 0 and below 1.
        test: share of the ratings for the test set, above 0 and below 1.
        seed: of the random choice.

    Raises:
        SplitError: a value out of its range.

    Examples:
        >>> import numpy as np
        >>> from refeed import RandomSplit, Ratings
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> RandomSplit(valid=0.1, test=0.2, seed=1).apply(ratings)
        Split(280 train, 40 valid, 80 test ratings by RandomSplit(test=0.2, seed=1))
    """

    valid: Share = 0.1
    test: Share = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.valid + self.test >= 1:
            raise SplitError(f"valid and test: expected shares that leave some for train, got {self.valid:g} and {self.test:g}")

    @override
    def apply(self, ratings: Ratings) -> Split:
        parts = np.full(len(ratings), TRAIN, np.uint8)
        num_valid, num_test = round(self.valid * len(ratings)), round(self.test * len(ratings))
        parts[:num_valid] = VALID
        parts[num_valid : num_valid + num_test] = TEST
        np.random.default_rng(derive_seed(self.seed, "random split")).shuffle(parts)
        return assemble(ratings, Assignment(parts=parts, fix="Choose larger shares, or use more ratings."), self)


@dataclass(frozen=True, kw_only=True)
class KFoldSplit(Splitter):
    """K-fold cross-validation: one of k random folds of equal size (to within one rating) is the test set.

    Attributes:
        folds: number of folds k, at least 2.
        fold: index of the test fold, 0 to k - 1; the folds are the same for all of them.
        valid: share of the other folds' ratings for the validation set, drawn at random, above 0 and below 1.
        seed: of the random choices.

    Raises:
        SplitError: a value out of its range.

    Examples:
        >>> import numpy as np
        >>> from refeed import KFoldSplit, Ratings
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> [len(KFoldSplit(folds=5, fold=fold).apply(ratings).test) for fold in range(5)]
        [80, 80, 80, 80, 80]
    """

    folds: Folds = 5
    fold: int = 0
    valid: Share = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.fold < self.folds:
            raise SplitError(f"fold: expected 0 to {self.folds - 1}, got {self.fold}")

    @override
    def apply(self, ratings: Ratings) -> Split:
        fold_of_rating = np.resize(np.arange(self.folds, dtype=np.uint8 if self.folds <= 256 else np.int32), len(ratings))
        np.random.default_rng(derive_seed(self.seed, "folds")).shuffle(fold_of_rating)
        parts = np.full(len(ratings), TRAIN, np.uint8)
        parts[fold_of_rating == self.fold] = TEST
        carve_valid(parts, share=self.valid, seed=derive_seed(self.seed, "valid of fold", self.fold))
        return assemble(ratings, Assignment(parts=parts, fix="Choose fewer folds or a larger valid share."), self)
