"""Rating predictors of other libraries, each behind the same call, with a few settings to choose from by validation.

A library is imported when it is asked for, so that those that do not install on a machine only miss their line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

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
        penalties: to choose from on the validation part; the library's own default is among them where it has one.
        fit: trains it.
    """

    library: str
    module: str
    about: str
    penalties: tuple[float, ...]
    fit: Fit


def surprise_svd(train: Ratings, *, penalty: float, threads: int) -> Predict:
    """Biased matrix factorisation by SGD, one thread."""
    import pandas as pd
    import surprise

    del threads
    reader = surprise.Reader(rating_scale=(train.scale.minimum, train.scale.maximum))
    table = pd.DataFrame({"user": train.row_of_rating, "item": train.indices, "rating": train.values})
    data = surprise.Dataset.load_from_df(table, reader).build_full_trainset()
    model = surprise.SVD(reg_all=penalty, random_state=0).fit(data)

    def predict(users: npt.NDArray[np.int64], items: npt.NDArray[np.int64]) -> npt.NDArray[np.floating]:
        return np.array([model.predict(user, item).est for user, item in zip(users.tolist(), items.tolist(), strict=True)])

    return predict


def cmfrec_als(train: Ratings, *, penalty: float, threads: int) -> Predict:
    """Biased matrix factorisation by ALS, the penalty scaled by the number of ratings (Zhou et al. 2008)."""
    import cmfrec
    from scipy.sparse import coo_matrix

    places = (train.row_of_rating, np.asarray(train.indices, np.int32))
    matrix = coo_matrix((np.asarray(train.values, np.float32), places), shape=(train.num_users, train.num_items))
    model = cmfrec.CMF(k=50, lambda_=penalty, scale_lam=True, niter=15, nthreads=threads, random_state=0).fit(matrix)
    predict: Predict = model.predict
    return predict


def cornac_mf(train: Ratings, *, penalty: float, threads: int) -> Predict:
    """Biased matrix factorisation by SGD."""
    import cornac

    triplets = zip(train.row_of_rating.tolist(), np.asarray(train.indices).tolist(), train.values.tolist(), strict=True)
    data = cornac.data.Dataset.build(list(triplets))
    model = cornac.models.MF(k=50, max_iter=30, learning_rate=0.01, lambda_reg=penalty, num_threads=threads, seed=0).fit(data)
    user_place = np.array([data.uid_map[user] for user in range(train.num_users)])
    item_place = np.array([data.iid_map[item] for item in range(train.num_items)])

    def predict(users: npt.NDArray[np.int64], items: npt.NDArray[np.int64]) -> npt.NDArray[np.floating]:
        rows, columns = user_place[users], item_place[items]
        products = np.einsum("pk,pk->p", model.u_factors[rows], model.i_factors[columns])
        predictions: npt.NDArray[np.floating] = products + model.u_biases[rows] + model.i_biases[columns] + model.global_mean
        return predictions

    return predict


def lenskit_als(train: Ratings, *, penalty: float, threads: int) -> Predict:
    """Biased matrix factorisation by ALS on what biases leave."""
    import pandas as pd
    from lenskit.als import BiasedMFScorer
    from lenskit.data import ItemList, from_interactions_df

    del threads  # it takes those of PyTorch and OMP_NUM_THREADS
    table = pd.DataFrame({"user_id": train.row_of_rating, "item_id": np.asarray(train.indices), "rating": train.values})
    model = BiasedMFScorer(embedding_size=50, epochs=15, regularization=penalty)
    model.train(from_interactions_df(table))

    def predict(users: npt.NDArray[np.int64], items: npt.NDArray[np.int64]) -> npt.NDArray[np.floating]:
        scores = np.empty(len(users))
        borders = np.flatnonzero(np.diff(users, prepend=-1, append=-1))
        for start, end in pairwise(borders):  # the pairs are in the order of their users
            scores[start:end] = model(int(users[start]), ItemList(item_ids=items[start:end])).scores()
        return scores

    return predict


PEERS: Mapping[str, Peer] = {
    "surprise": Peer("scikit-surprise", "surprise", "SVD, 100 factors, 20 epochs", (0.02, 0.05, 0.1), surprise_svd),
    "cmfrec": Peer("cmfrec", "cmfrec", "CMF by ALS, 50 factors, 15 iterations", (0.05, 0.1, 0.2), cmfrec_als),
    "cornac": Peer("cornac", "cornac", "MF by SGD, 50 factors, 30 epochs", (0.02, 0.05, 0.1), cornac_mf),
    "lenskit": Peer("lenskit", "lenskit", "BiasedMF by ALS, 50 factors, 15 epochs", (0.1, 0.2, 0.4), lenskit_als),
}
"""Those that predict explicit ratings; `implicit` does not, so it is not among them."""
