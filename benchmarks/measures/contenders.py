"""What other libraries may choose from on the validation set when errors are compared, far more than when times are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

from measures import peer_models
from measures.peer_models import Predict

Options = Mapping[str, float]
LARGE = 500_000  # training ratings


@dataclass(frozen=True)
class Contender:
    """A model of another library.

    Attributes:
        library: name on the package index.
        module: to import.
        about: the model.
        fit: trains it on ratings, with one of `grid`, and `threads` and `seed`.
        grid: the options to choose from, keywords of `fit`.
        large_grid: those of them that end within minutes where there are more than LARGE ratings; None is all of them.
    """

    library: str
    module: str
    about: str
    fit: Callable[..., Predict]
    grid: tuple[Options, ...]
    large_grid: tuple[Options, ...] | None = None

    def options_for(self, ratings: int) -> tuple[Options, ...]:
        """The options to choose from for so many training ratings."""
        return self.large_grid if self.large_grid is not None and ratings > LARGE else self.grid


def grid(**choices: tuple[float, ...]) -> tuple[Options, ...]:
    """All combinations of some values of each option."""
    return tuple(dict(zip(choices, values, strict=True)) for values in product(*choices.values()))


PENALTIES = (0.02, 0.05, 0.1, 0.15, 0.2)  # L2 in a step of SGD
SHARES = (0.05, 0.1, 0.15, 0.2, 0.3)  # L2 of a row of ALS for each of its ratings

CONTENDERS: Mapping[str, Contender] = {
    "surprise-svd": Contender(
        "scikit-surprise",
        "surprise",
        "SVD by SGD, 100 factors",
        peer_models.surprise_svd,
        grid(penalty=PENALTIES, epochs=(20, 60)),
    ),
    "cmfrec-als": Contender("cmfrec", "cmfrec", "CMF by ALS", peer_models.cmfrec_als, grid(penalty=SHARES, factors=(50, 100))),
    "lenskit-als": Contender(
        "lenskit", "lenskit", "BiasedMF by ALS", peer_models.lenskit_als, grid(penalty=SHARES, factors=(50, 100))
    ),
    "cornac-mf": Contender(
        "cornac", "cornac", "MF by SGD, 50 factors", peer_models.cornac_mf, grid(penalty=PENALTIES, epochs=(30, 60))
    ),
    "myfm": Contender(
        "myfm", "myfm", "Bayesian factorisation machine, 300 draws", peer_models.myfm_ids, grid(factors=(16, 32))
    ),
    "surprise-svdpp": Contender(
        "scikit-surprise",
        "surprise",
        "SVD++ by SGD, 20 factors",
        peer_models.surprise_svd_plus_plus,
        grid(penalty=(0.02, 0.05, 0.1), epochs=(20, 60)),
        grid(penalty=(0.02, 0.05), epochs=(20,)),
    ),
    "myfm-rated": Contender(
        "myfm",
        "myfm",
        "Bayesian factorisation machine, 300 draws, rated items as features",
        peer_models.myfm_rated,
        grid(factors=(16, 32)),
        grid(factors=(16,)),
    ),
}
"""By name, from the quickest to the slowest."""
