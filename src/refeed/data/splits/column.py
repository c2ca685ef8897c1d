"""Splits that a column of the file already holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

import numpy as np
from typing_extensions import override

from refeed.data.ratings import LabelColumn, Ratings
from refeed.data.row_blocks import index_counts, looked_up
from refeed.data.splits.base import LEFT_OUT, TEST, TRAIN, VALID, Assignment, Share, Split, Splitter, assemble, carve_valid
from refeed.errors import SplitError
from refeed.seeds import derive_seed

_PART_OF_LABEL: Mapping[str, int] = {
    **dict.fromkeys(("train", "training", "base"), TRAIN),
    **dict.fromkeys(("valid", "validation", "val", "dev"), VALID),
    **dict.fromkeys(("test", "testing"), TEST),
}


@dataclass(frozen=True)
class ColumnSplit(Splitter):
    """Predefined split: a label column of the data says which set each rating is in.

    Labels are train, training or base; valid, validation, val or dev; test or testing (in any case). Ratings with other labels
    are left out. Where no rating is labelled valid, the validation set is drawn at random from the training set.

    Attributes:
        column: name of the label column.
        valid: share of the training ratings for the validation set where the column has none, above 0 and below 1.
        seed: of that random choice.

    Raises:
        SplitError: a value out of its range.

    Examples:
        >>> import pyarrow as pa
        >>> from refeed import ColumnSplit, read_ratings
        >>> parts = ["train", "train", "train", "valid", "test", "train"]
        >>> ids = {"user": [1, 1, 2, 2, 3, 3], "item": [1, 2, 1, 2, 1, 2]}
        >>> table = pa.table({**ids, "rating": [3, 4, 5, 1, 2, 4], "part": parts})
        >>> ColumnSplit("part").apply(read_ratings(table, labels="part"))
        Split(4 train, 1 valid, 1 test ratings by ColumnSplit(column='part'))
    """

    column: str
    _: KW_ONLY
    valid: Share = 0.1
    seed: int = 0

    @override
    def apply(self, ratings: Ratings) -> Split:
        label = self._find(ratings)
        sizes = index_counts(label.codes, len(label.names))
        part_of_code = [_PART_OF_LABEL.get(name.strip().lower(), LEFT_OUT) for name in label.names]
        parts = looked_up(np.array(part_of_code, np.uint8), label.codes)
        seen = [(name, part, int(size)) for name, part, size in zip(label.names, part_of_code, sizes, strict=True) if size]
        for part, words in ((TRAIN, "train, training or base"), (TEST, "test or testing")):
            if all(other != part for _, other, _ in seen):
                labels = ", ".join(f"'{name}'" for name, _, _ in seen)
                raise SplitError(f"no rating is labelled {words}; the labels there are: {labels}", column=self.column)
        notes: tuple[str, ...] = ()
        if all(part != VALID for _, part, _ in seen):
            drawn = carve_valid(parts, share=self.valid, seed=derive_seed(self.seed, "valid of column"))
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
