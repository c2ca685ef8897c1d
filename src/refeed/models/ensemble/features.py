"""What is known of a pair of person and item besides what models predict: by it an ensemble's weights move."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.models.ensemble.moods import Timeline

PERSON_REACHES, ITEM_REACH = (5, 20), 20  # ratings before and after the asked time, and last ones of an item
OF_PERSON = ("ratings of the person", "mean of the person")
OF_ITEM = ("ratings of the item", "mean of the item", "the item's mood, last 20 ratings")
OF_TIME = ("days since the person rated", "days since the item was new", "days since the item was rated")
OF_MOOD = ("the person's mood, 10 ratings", "the person's mood, 40 ratings")
NAMES = (
    *OF_PERSON,
    *OF_ITEM,
    *OF_TIME,
    *OF_MOOD,
)  # folders of models know them by their number: see `refeed.fitted_model.VERSION`
OF_WEIGHTS = (OF_PERSON[0], OF_ITEM[0], OF_MOOD[0])  # move the members' weights, the others the constant alone
UNTIMED = len(OF_PERSON) + len(OF_ITEM)  # features that do not depend on when a rating is asked for
LIMIT = 3.0  # standard deviations, beyond which a feature says no more
NEGLIGIBLE = 1e-5  # standard deviations below this share of the mean are rounding
MEAN_RATINGS = 10.0  # imaginary ratings that pull the mean of a person or item to that of all
DAY = 86_400.0  # seconds


class MetaFeatures(nn.Module):
    """The features of pairs, each less its mean over the validation pairs, divided by its standard deviation there.

    Numbers of ratings and days are taken as log(1 + x). Means are less that of all ratings, and drawn to it by MEAN_RATINGS.
    A mood is what ratings near the asked time, or the last ratings of an item, have in common beyond the levels of person
    and item; see `Timeline`. What is not known (as all that depends on the time, where none is given) counts as the mean.

    Args:
        num_items: n.
    """

    mean: Tensor
    item_counts: Tensor
    item_means: Tensor
    is_timed: Tensor
    item_moods: Tensor
    item_first: Tensor
    item_last: Tensor
    centres: Tensor
    sizes: Tensor

    def __init__(self, num_items: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("item_counts", torch.zeros(num_items, dtype=torch.int64))
        self.register_buffer("item_means", torch.zeros(num_items))
        self.register_buffer("is_timed", torch.zeros((), dtype=torch.bool))  # whether the training ratings had times
        self.register_buffer("item_moods", torch.zeros(num_items))
        self.register_buffer("item_first", torch.zeros(num_items, dtype=torch.int64))  # seconds since 1970 UTC
        self.register_buffer("item_last", torch.zeros(num_items, dtype=torch.int64))
        self.register_buffer("centres", torch.zeros(len(NAMES)))
        self.register_buffer("sizes", torch.zeros(len(NAMES)))  # 0: the feature says nothing

    def learn(self, train: Ratings) -> None:
        """Take in the training ratings of all items."""
        by_item = train.transposed().rows()
        values = by_item.values.astype(np.float64)
        mean = float(values.mean())
        person_means = _drawn_means(train.rows(), train.values.astype(np.float64) - mean)
        self.mean.fill_(mean)
        self._put("item_counts", by_item.counts)
        self._put("item_means", _drawn_means(by_item, values - mean).astype(np.float32))
        self.is_timed.fill_(by_item.timestamps is not None)
        if by_item.timestamps is None:
            return
        timeline = Timeline.of(by_item, values - mean - person_means[by_item.indices])
        self._put("item_moods", timeline.moods(np.arange(len(by_item)), None, ITEM_REACH).astype(np.float32))
        for name, when in zip(("item_first", "item_last"), timeline.ends(), strict=True):
            self._put(name, when)

    def standardise_by(self, raw: npt.NDArray[np.float64]) -> None:
        """Take centres and sizes from the features of the validation pairs, (P, J), NaN where they are not known."""
        known = np.isfinite(raw)
        counts = known.sum(0).clip(min=1)
        centres = np.where(known, raw, 0.0).sum(0) / counts
        sizes = np.sqrt(np.square(np.where(known, raw - centres, 0.0)).sum(0) / counts)
        self._put("centres", centres.astype(np.float32))
        self._put("sizes", np.where(sizes > NEGLIGIBLE * (1.0 + np.abs(centres)), sizes, 0.0).astype(np.float32))

    def _put(self, name: str, array: npt.NDArray[np.generic]) -> None:
        self.get_buffer(name).copy_(torch.from_numpy(np.ascontiguousarray(array)))

    def reader(self) -> MetaReader:
        """The features as they are now, to be asked many times."""
        return MetaReader(self)


class MetaReader:
    """See `MetaFeatures`.

    Attributes:
        is_timed: whether the training ratings had times, so that what is not known without the asked time is missed.
    """

    def __init__(self, features: MetaFeatures) -> None:
        arrays = {name: buffer.numpy(force=True) for name, buffer in features.named_buffers()}
        self._mean = float(arrays["mean"])
        self.is_timed = bool(arrays["is_timed"])
        self._centres, self._sizes = arrays["centres"], arrays["sizes"]
        self._item_means = arrays["item_means"]
        moods = np.where(self.is_timed, arrays["item_moods"], np.nan)
        self._items = np.column_stack((np.log1p(arrays["item_counts"]), self._item_means, moods))
        is_known = self.is_timed & (arrays["item_counts"] > 0)
        self._ends = [np.where(is_known, arrays[name], np.nan) for name in ("item_first", "item_last")]

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
        raw = np.full((len(self._items), len(NAMES)), np.nan)
        raw[:, len(OF_PERSON) : UNTIMED] = self._items
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
        raw[:, :UNTIMED] = np.column_stack((self._of_people(history)[rows], self._items[items]))
        if times is None:
            return raw
        for place, ends in enumerate(self._ends, UNTIMED + 1):
            raw[:, place] = _days(times - ends[items])
        if history.timestamps is not None:
            errors = history.values.astype(np.float64) - self._mean - self._item_means[history.indices]
            timeline = Timeline.of(history, errors)
            raw[:, UNTIMED] = np.where(history.counts[rows] > 0, _days(times - timeline.ends()[1][rows]), np.nan)
            for place, reach in enumerate(PERSON_REACHES, UNTIMED + len(OF_TIME)):
                raw[:, place] = timeline.moods(rows, times, reach)
        return raw

    def _of_people(self, history: History) -> npt.NDArray[np.float64]:
        means = _drawn_means(history, history.values.astype(np.float64) - self._mean)
        return np.column_stack((np.log1p(history.counts), means))

    def standardised(self, raw: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """z, float32 (P, J), from the features as they are."""
        usable = self._sizes > 0
        z = np.divide(raw - self._centres, self._sizes, out=np.zeros_like(raw), where=usable)
        return np.asarray(np.nan_to_num(z, nan=0.0).clip(-LIMIT, LIMIT), np.float32)


def _drawn_means(rows: History, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of the values of each row's ratings, drawn to 0, float64 (rows,)."""
    sums = np.bincount(rows.row_of_rating, weights=values, minlength=len(rows))
    return np.asarray(sums / (rows.counts + MEAN_RATINGS), np.float64)


def _days(seconds: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """log(1 + days), 0 before the event; NaN stays."""
    return np.asarray(np.log1p(seconds.clip(min=0.0) / DAY), np.float64)
