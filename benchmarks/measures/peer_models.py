"""Rating predictors of other libraries, each behind the same call, with a few settings to choose from by validation.

A library is imported when it is used, so that a library that is not installed only leaves out its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from refeed.data.ratings import Ratings

Predict = Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], npt.NDArray[np.floating]]
"""Predicted ratings of P pairs of user and item positions, (P,)."""


class Fit(Protocol):
    """Fits a model of some library."""

    def __call__(self, train: Ratings, *, penalty: float, threads: int) -> Predict:
        """Fit to training ratings with this L2 penalty (as the library counts it)."""
        ...


@dataclass(frozen=True)
class Peer:
    """A model of another library.

    Attributes:
        library: name on the package index.
        module: to import.
        about: the model and its settings.
        penalties: to choose from on the validation set; the library's own default is among them where it has one.
        fit: trains it.
    """

    library: str
    module: str
    about: str
    penalties: tuple[float, ...]
    fit: Fit


def surprise_svd(train: Ratings, *, penalty: float, threads: int, seed: int = 0, epochs: int = 20) -> Predict:
    """Biased matrix factorisation by SGD, one thread."""
    import surprise

    del threads
    return _fit_surprise(surprise.SVD(reg_all=penalty, n_epochs=epochs, random_state=seed), train)


def surprise_svd_plus_plus(train: Ratings, *, penalty: float, threads: int, seed: int = 0, epochs: int = 20) -> Predict:
    """The same with the rated items as part of the user's factors (Koren 2008), one thread."""
    import surprise

    del threads
    return _fit_surprise(surprise.SVDpp(reg_all=penalty, n_epochs=epochs, cache_ratings=True, random_state=seed), train)


def _fit_surprise(model: Any, train: Ratings) -> Predict:
    import pandas as pd
    import surprise

    reader = surprise.Reader(rating_scale=(train.scale.minimum, train.scale.maximum))
    table = pd.DataFrame({"user": train.row_of_rating, "item": train.indices, "rating": train.values})
    model.fit(surprise.Dataset.load_from_df(table, reader).build_full_trainset())

    def predict(users: npt.NDArray[np.int64], items: npt.NDArray[np.int64]) -> npt.NDArray[np.floating]:
        return np.array([model.predict(user, item).est for user, item in zip(users.tolist(), items.tolist(), strict=True)])

    return predict


def cmfrec_als(train: Ratings, *, penalty: float, threads: int, seed: int = 0, factors: int = 50) -> Predict:
    """Biased matrix factorisation by ALS, the penalty scaled by the number of ratings (Zhou et al. 2008)."""
    import cmfrec
    from scipy.sparse import coo_matrix

    places = (train.row_of_rating, np.asarray(train.indices, np.int32))
    matrix = coo_matrix((np.asarray(train.values, np.float32), places), shape=(train.num_users, train.num_items))
    model = cmfrec.CMF(k=factors, lambda_=penalty, scale_lam=True, niter=15, nthreads=threads, random_state=seed).fit(matrix)
    predict: Predict = model.predict
    return predict


def cornac_mf(train: Ratings, *, penalty: float, threads: int, seed: int = 0, epochs: int = 30) -> Predict:
    """Biased matrix factorisation by SGD."""
    import cornac

    triplets = zip(train.row_of_rating.tolist(), np.asarray(train.indices).tolist(), train.values.tolist(), strict=True)
    data = cornac.data.Dataset.build(list(triplets))
    model = cornac.models.MF(k=50, max_iter=epochs, learning_rate=0.01, lambda_reg=penalty, num_threads=threads, seed=seed).fit(
        data
    )
    user_place = np.array([data.uid_map[user] for user in range(train.num_users)])
    item_place = np.array([data.iid_map[item] for item in range(train.num_items)])

    def predict(users: npt.NDArray[np.int64], items: npt.NDArray[np.int64]) -> npt.NDArray[np.floating]:
        rows, columns = user_place[users], item_place[items]
        products = np.einsum("pk,pk->p", model.u_factors[rows], model.i_factors[columns])
        predictions: npt.NDArray[np.floating] = products + model.u_biases[rows] + model.i_biases[columns] + model.global_mean
        return predictions

    return predict


def lenskit_als(train: Ratings, *, penalty: float, threads: int, seed: int = 0, factors: int = 50) -> Predict:
    """Biased matrix factorisation by ALS on what biases leave."""
    import pandas as pd
    from lenskit.als import BiasedMFScorer
    from lenskit.data import ItemList, from_interactions_df
    from lenskit.training import TrainingOptions

    del threads  # it takes those of PyTorch and OMP_NUM_THREADS
    table = pd.DataFrame({"user_id": train.row_of_rating, "item_id": np.asarray(train.indices), "rating": train.values})
    model = BiasedMFScorer(embedding_size=factors, epochs=15, regularization=penalty)
    model.train(from_interactions_df(table), TrainingOptions(rng=seed))

    def predict(users: npt.NDArray[np.int64], items: npt.NDArray[np.int64]) -> npt.NDArray[np.floating]:
        scores = np.empty(len(users))
        borders = np.flatnonzero(np.diff(users, prepend=-1, append=-1))
        for start, end in pairwise(borders):  # the pairs are in the order of their users
            scores[start:end] = model(int(users[start]), ItemList(item_ids=items[start:end])).scores()
        return scores

    return predict


def myfm_ids(train: Ratings, *, factors: int, threads: int, seed: int = 0, draws: int = 300) -> Predict:
    """Bayesian factorisation machine of the ids of users and items, the mean over all but the first sixth of the draws."""
    from scipy.sparse import csr_matrix

    def one_hot(users: npt.NDArray[np.int64], items: npt.NDArray[np.int64]) -> dict[str, Any]:
        columns = np.stack([users, train.num_users + items], axis=1).ravel()
        borders = np.arange(0, len(columns) + 1, 2)
        return {
            "X": csr_matrix((np.ones(len(columns)), columns, borders), shape=(len(users), train.num_users + train.num_items))
        }

    groups = [train.num_users, train.num_items]
    return _fit_myfm(train, one_hot, groups, factors=factors, threads=threads, seed=seed, draws=draws)


def myfm_rated(train: Ratings, *, factors: int, threads: int, seed: int = 0, draws: int = 300) -> Predict:
    """The same with the items that a user rated in training as features of the user (Rendle et al. 2019)."""
    import myfm
    from scipy.sparse import csr_matrix, hstack, identity

    weights = np.repeat(1 / np.sqrt(np.maximum(train.user_counts, 1)), train.user_counts)
    rated = csr_matrix((weights, np.asarray(train.indices, np.int64), train.indptr), shape=(train.num_users, train.num_items))
    of_user, of_item = hstack([identity(train.num_users), rated], format="csr"), identity(train.num_items, format="csr")

    def blocks(users: npt.NDArray[np.int64], items: npt.NDArray[np.int64]) -> dict[str, Any]:
        pairs = [(users, of_user), (items, of_item)]
        return {"X": None, "X_rel": [myfm.RelationBlock(places.tolist(), features) for places, features in pairs]}

    groups = [train.num_users, train.num_items, train.num_items]
    return _fit_myfm(train, blocks, groups, factors=factors, threads=threads, seed=seed, draws=draws)


def _fit_myfm(
    train: Ratings,
    features: Callable[..., dict[str, Any]],
    groups: list[int],
    *,
    factors: int,
    threads: int,
    seed: int,
    draws: int,
) -> Predict:
    """A machine of the features of pairs, of which each group has a scale of its own; threads are for predicting alone."""
    import myfm

    known = features(train.row_of_rating.astype(np.int64), np.asarray(train.indices, np.int64))
    model = myfm.MyFMGibbsRegressor(rank=factors, random_seed=seed)
    stars = np.asarray(train.values, np.float64)
    model.fit(y=stars, group_shapes=groups, n_iter=draws, n_kept_samples=draws - draws // 6, **known)
    return lambda users, items: model.predict(**features(users, items), n_workers=threads)


PEERS: Mapping[str, Peer] = {
    "surprise": Peer("scikit-surprise", "surprise", "SVD, 100 factors, 20 epochs", (0.02, 0.05, 0.1), surprise_svd),
    "cmfrec": Peer("cmfrec", "cmfrec", "CMF by ALS, 50 factors, 15 iterations", (0.05, 0.1, 0.2), cmfrec_als),
    "cornac": Peer("cornac", "cornac", "MF by SGD, 50 factors, 30 epochs", (0.02, 0.05, 0.1), cornac_mf),
    "lenskit": Peer("lenskit", "lenskit", "BiasedMF by ALS, 50 factors, 15 epochs", (0.1, 0.2, 0.4), lenskit_als),
}
"""Those that predict explicit ratings; `implicit` does not, so it is not among them."""
