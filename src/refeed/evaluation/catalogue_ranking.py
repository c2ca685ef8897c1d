"""A fitted model's ranking of the whole catalogue, judged by the held-out items that people liked."""

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
    """Rank all items for every user with a relevant target, in blocks of users; items of the history are not ranked.

    Args:
        fitted: the model.
        histories: what it may see.
        targets: held-out ratings, under the vocabularies of the histories.
        relevant_from: rating from which on a target is relevant.
        ks: lengths of the lists, each at least 1.
        progress: called with the number of users that are done.

    Raises:
        DataError: a score is not a number.
    """
    relevant = targets.select(targets.values >= relevant_from)
    scorer = fitted.scorer()

    def work(block: npt.NDArray[np.int64]) -> RankingSums:
        history = histories.rows(block)
        wanted = relevant.rows(block)
        is_new = ~also_in(wanted, history)  # only the training part itself, or given histories, can overlap
        indptr = np.concatenate([[0], np.cumsum(is_new)])[wanted.indptr]
        sets = (indptr, wanted.indices[is_new]), (history.indptr, history.indices)
        return ranking_sums(scorer.score_rows(history), *sets, ks=ks)

    total: RankingSums | None = None
    users, size = np.flatnonzero(relevant.user_counts), users_per_scored_block(len(fitted.items))
    with closing(over_blocks(work, users, size=size, task="ranking", progress=progress)) as blocks:
        for _, sums in blocks:
            total = sums if total is None else total + sums
    return total or RankingSums(0, {})
