"""Ranking metrics of a fitted model over the whole catalogue: relevant are the held-out items that users liked."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import numpy.typing as npt

from refeed.data.ratings import Ratings
from refeed.evaluation.overlap import also_in
from refeed.fitted_model import FittedModel
from refeed.inference.blocks import over_blocks, users_per_scored_block
from refeed.inference.histories import Histories
from refeed.metrics.ranking import RankingSums, ranking_sums
from refeed.progress import Callback


def rank_catalogue(
    fitted: FittedModel,
    histories: Histories,
    targets: Ratings,
    *,
    relevant_from: float,
    ks: tuple[int, ...],
    progress: Callback,
) -> RankingSums:
    """Rank all items except those of the history for every user with a relevant target, in blocks of users.

    Args:
        fitted: the model.
        histories: the ratings that it may use.
        targets: held-out ratings, under the vocabularies of the histories.
        relevant_from: smallest rating of a relevant target.
        ks: lengths of the lists, each at least 1; none: no ranking.
        progress: called with the number of users that are done.

    Raises:
        DataError: a score is not a number.
    """
    if not ks:
        return RankingSums(0, {})
    relevant = targets.select(targets.values >= relevant_from)
    scorer = fitted.scorer()

    def work(block: npt.NDArray[np.int64]) -> RankingSums:
        history = histories.rows(block)
        liked = relevant.rows(block)
        is_new = ~also_in(liked, history)  # only the training set itself, or given histories, can overlap
        indptr = np.concatenate([[0], np.cumsum(is_new)])[liked.indptr]
        sets = (indptr, liked.indices[is_new]), (history.indptr, history.indices)
        return ranking_sums(scorer.score_rows(history), *sets, ks=ks)

    total: RankingSums | None = None
    users, size = np.flatnonzero(relevant.user_counts), users_per_scored_block(len(fitted.items))
    with closing(over_blocks(work, users, size=size, task="ranking", progress=progress)) as blocks:
        for _, sums in blocks:
            total = sums if total is None else total + sums
    return total or RankingSums(0, {})
