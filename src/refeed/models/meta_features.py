"""What is known of a pair of person and item besides what models predict: by it an ensemble's weights move."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.data.row_blocks import pointers
from refeed.models.local_moods import Timeline

OF_PERSON = ("ratings of the person", "mean of the person")
OF_ITEM = ("ratings of the item", "mean of the item")
OF_TIME = ("days since the person rated", "days since the item was new", "days since the item was rated")
OF_MOOD = ("the person's mood, 10 ratings", "the person's mood, 40 ratings", "the item's mood, 40 ratings")
NAMES = (*OF_PERSON, *OF_ITEM, *OF_TIME, *OF_MOOD)
OF_WEIGHTS = (OF_PERSON[0], OF_ITEM[0], OF_MOOD[0])  # move the members' weights, the others the constant alone
UNTIMED = len(OF_PERSON) + len(OF_ITEM)  # features that need no time
LIMIT = 3.0  # standard deviations, beyond which a feature says no more
PRIOR_RATINGS = 10.0  # imaginary ratings that pull the mean of a person or item to that of all
PERSON_REACHES, ITEM_REACH = (5, 20), 20  # ratings before and after the asked one
DAY = 86_400.0  # seconds


class MetaFeatures(nn.Module):
    """The features of pairs, each less its mean over the validation pairs, divided by its standard deviation there.

    Numbers of ratings and days are taken as log(1 + x). Means are less that of all ratings, and drawn to it by PRIOR_RATINGS.
    A mood is what ratings near the asked time have in common beyond the levels of person and item; see `Timeline`. What is
    not known (times that are not given, an item without ratings) counts as the mean.

    Args:
        num_items: n.
    """

    variable_buffers = ("item_times", "item_errors")

    mean: Tensor
    item_counts: Tensor
    item_means: Tensor
    item_times: Tensor
    item_errors: Tensor
    centres: Tensor
    sizes: Tensor

    def __init__(self, num_items: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros((), dtype=torch.float64))
        self.register_buffer("item_counts", torch.zeros(num_items, dtype=torch.int64))
        self.register_buffer("item_means", torch.zeros(num_items))
        self.register_buffer("item_times", torch.zeros(0, dtype=torch.int64))  # of the items' ratings, rising within an item
        self.register_buffer("item_errors", torch.zeros(0))  # of these, ratings less the levels of person and item
        self.register_buffer("centres", torch.zeros(len(NAMES)))
        self.register_buffer("sizes", torch.zeros(len(NAMES)))  # 0: the feature says nothing

    def learn(self, train: Ratings) -> None:
        """Take in the training ratings of all items."""
        by_item = train.transposed().rows()
        values = by_item.values.astype(np.float64)
        mean = float(values.mean())
        item_means = _drawn_means(by_item, values - mean)
        person_means = _drawn_means(train.rows(), train.values.astype(np.float64) - mean)
        self.mean.fill_(mean)
        self._put("item_counts", by_item.counts)
        self._put("item_means", item_means.astype(np.float32))
        if by_item.timestamps is not None:
            timeline = Timeline.of(by_item, values - mean - person_means[by_item.indices])
            self._put("item_times", timeline.times)
            self._put("item_errors", timeline.errors.astype(np.float32))

    def standardise_by(self, raw: npt.NDArray[np.float64]) -> None:
        """Take centres and sizes from the features of the validation pairs, (P, J), NaN where they are not known."""
        known = np.isfinite(raw)
        counts = known.sum(0).clip(min=1)
        centres = np.where(known, raw, 0.0).sum(0) / counts
        sizes = np.sqrt(np.square(np.where(known, raw - centres, 0.0)).sum(0) / counts)
        self._put("centres", centres.astype(np.float32))
        self._put("sizes", sizes.astype(np.float32))

    def _put(self, name: str, array: npt.NDArray[np.generic]) -> None:
        setattr(self, name, torch.from_numpy(np.ascontiguousarray(array)).to(self.mean.device))

    def reader(self) -> MetaReader:
        """The features as they are now, to be asked many times."""
        return MetaReader(self)


class MetaReader:
    """See `MetaFeatures`."""

    def __init__(self, features: MetaFeatures) -> None:
        self._mean = features.mean.item()
        arrays = (features.item_counts, features.item_means, features.centres, features.sizes)
        self._item_counts, self._item_means, self._centres, self._sizes = (a.numpy(force=True) for a in arrays)
        self._items: Timeline | None = None
        if len(features.item_times):
            times, errors = features.item_times.numpy(force=True), features.item_errors.numpy(force=True)
            self._items = Timeline(pointers(self._item_counts), times, errors.astype(np.float64))

    def of_pairs(
        self,
        history: History,
        rows: npt.NDArray[np.int64],
        items: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.float32]:
        """z of P pairs, float32 (P, J); see `Scorer.predict_pairs` for the arguments."""
        return self.standardised(self.raw(history, rows, items, times))

    def of_rows(self, history: History) -> npt.NDArray[np.float32]:
        """z of B people whatever the item, at no known time: float32 (B, J), 0 where features are of items."""
        raw = np.full((len(history), len(NAMES)), np.nan)
        raw[:, : len(OF_PERSON)] = self._of_people(history)
        return self.standardised(raw)

    def of_items(self) -> npt.NDArray[np.float32]:
        """z of the n items whoever is asked, at no known time: float32 (n, J), 0 where features are of people."""
        raw = np.full((len(self._item_counts), len(NAMES)), np.nan)
        raw[:, len(OF_PERSON) : UNTIMED] = self._of_items()
        return self.standardised(raw)

    def raw(
        self,
        history: History,
        rows: npt.NDArray[np.int64],
        items: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.float64]:
        """The features as they are, float64 (P, J); NaN where they are not known."""
        raw = np.full((len(rows), len(NAMES)), np.nan)
        raw[:, :UNTIMED] = np.column_stack((self._of_people(history)[rows], self._of_items()[items]))
        if times is None:
            return raw
        of_people = None
        if history.timestamps is not None:
            errors = history.values.astype(np.float64) - self._mean - self._item_means[history.indices]
            of_people = Timeline.of(history, errors)
            raw[:, UNTIMED] = _days(times - of_people.last(rows))
            for place, reach in enumerate(PERSON_REACHES, UNTIMED + len(OF_TIME)):
                raw[:, place] = of_people.moods(rows, times, reach)
        if self._items is not None:
            raw[:, UNTIMED + 1] = _days(times - self._items.first(items))
            raw[:, UNTIMED + 2] = _days(times - self._items.last(items))
            raw[:, -1] = self._items.moods(items, times, ITEM_REACH)
        return raw

    def _of_people(self, history: History) -> npt.NDArray[np.float64]:
        means = _drawn_means(history, history.values.astype(np.float64) - self._mean)
        return np.column_stack((np.log1p(history.counts), means))

    def _of_items(self) -> npt.NDArray[np.float64]:
        return np.column_stack((np.log1p(self._item_counts), self._item_means))

    def standardised(self, raw: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """z, float32 (P, J), from the features as they are."""
        usable = self._sizes > 0
        z = np.divide(raw - self._centres, self._sizes, out=np.zeros_like(raw), where=usable)
        return np.asarray(np.nan_to_num(z, nan=0.0).clip(-LIMIT, LIMIT), np.float32)


def _drawn_means(rows: History, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of the values of each row's ratings, drawn to 0, float64 (rows,)."""
    sums = np.bincount(rows.row_of_rating, weights=values, minlength=len(rows))
    return np.asarray(sums / (rows.counts + PRIOR_RATINGS), np.float64)


def _days(seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """log(1 + days), 0 before the event; NaN stays."""
    return np.log1p(seconds.clip(min=0.0) / DAY)
