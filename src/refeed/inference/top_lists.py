"""Top-N lists of users, block by block."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refeed.inference.blocks import over_blocks, users_per_scored_block
from refeed.inference.histories import Histories
from refeed.metrics.top_items import top_items
from refeed.models.base import Scorer
from refeed.progress import Callback, silent


@dataclass(frozen=True, eq=False)
class TopLists:
    """The lists of a block of B users, concatenated.

    Attributes:
        users: int64 (B,), rows of the users in the histories.
        lengths: int64 (B,), number of items of each list.
        items: int64 (L,), item indices, best first; L is the sum of the lengths.
        scores: float32 (L,), predicted ratings, not clipped to the scale.
    """

    users: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]

    @property
    def ranks(self) -> npt.NDArray[np.int32]:
        """Rank of every item in its list from 1, int32 (L,)."""
        starts = np.cumsum(self.lengths) - self.lengths
        return (np.arange(1, len(self.items) + 1) - np.repeat(starts, self.lengths)).astype(np.int32)


def top_lists(
    scorer: Scorer,
    histories: Histories,
    users: npt.NDArray[np.int64],
    *,
    k: int,
    exclude_seen: bool,
    users_per_block: int | None = None,
    progress: Callback = silent,
) -> Generator[TopLists, None, None]:
    """Yield the k items with the highest scores for each user, in blocks and in the order of the users.

    Items with equal scores are in the order of their indices. Where seen items are excluded, a user who has seen all but fewer
    than k gets a shorter list.

    Args:
        scorer: of a fitted model.
        histories: what the model may see of each user.
        users: int64 (U,), rows of the histories.
        k: 1 to n.
        exclude_seen: leave out the items of each user's history.
        users_per_block: at least 1; default: `users_per_scored_block`.
        progress: called with the number of users that are done.

    Raises:
        DataError: a score is not a number.
    """

    def work(block: npt.NDArray[np.int64]) -> TopLists:
        history = histories.rows(block)
        scores = scorer.score_rows(history)  # (B, n)
        if exclude_seen:
            scores[history.row_of_rating, history.indices] = -np.inf
        top = top_items(scores, k)  # (B, k)
        best = np.take_along_axis(scores, top, axis=1)
        is_listed = best > -np.inf
        return TopLists(block, is_listed.sum(axis=1), top[is_listed], best[is_listed])

    size = users_per_block or users_per_scored_block(histories.ratings.num_items)
    with closing(over_blocks(work, users, size=size, task="recommending", progress=progress)) as blocks:
        yield from (lists for _, lists in blocks)
