"""The description of a Bayesian matrix factorisation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from typing_extensions import override

from refeed.config import Bound, NonNegativeInt, PositiveInt
from refeed.models.base import Spec
from refeed.models.bayesian.model import BayesianModel

MINUTE = 60.0  # seconds

NoiseStrength = Annotated[float, Bound("above 2", lambda value: 2.0 < value < math.inf)]
Minutes = Annotated[float, Bound("at least a second (1 / 60)", lambda value: 1.0 <= MINUTE * value < 2**53)]


@dataclass(frozen=True)
class BayesianFactorisation(Spec):
    """Matrix factorisation averaged over its posterior by Gibbs sampling (BPMF); Salakhutdinov & Mnih (2008), section 3.

    For standardised ratings: r_ui = p_u . q_i + b_u + c_i + noise of precision a_u * w_i. Vector and bias of a user,
    x_u = (p_u, b_u), have the prior N(mu + B^T s_u, A^-1), and (mu, A) a Normal-Wishart prior; likewise for items. Beyond the
    paper:

    - b_u and c_i are drawn together with the factors, as one more number of the vector;
    - s_u are features of the set of items that the user rated (see `choice_features`), and B is drawn too, as in Macau (Simm et
      al. 2017);
    - users and items differ in noise: a_u ~ Gamma(nu / 2, nu / (2 a)) and w_i ~ Gamma(nu / 2, nu / 2) (Lakshminarayanan,
      Bouchard & Archambeau 2011, "Robust Bayesian matrix factorisation");
    - ratings of a user in one session share a session effect: t ~ N(0, v / a_u) is added to them, and 1 / v has a gamma prior
      (after the b_u,t of days in Koren 2009, "Collaborative filtering with temporal dynamics", section 3.2).

    Attributes:
        factors: k, length of p_u and q_i, at least 1.
        samples: draws to average over, at least 1.
        burn_in: sweeps before the first kept draw, at least 0; a sweep draws all items and users.
        thinning: sweeps from one kept draw to the next, at least 1.
        choice_features: length of s_u, which describes which items were rated whatever the ratings; at most a quarter of the
            number of users or items is used, 0 leaves s_u out.
        noise_strength: nu, pseudo-counts that shrink the noise of a user or item to the common one, above 2 (otherwise the
            noise of a new user has no finite variance); none gives all the same noise.
        session_minutes: a session is what a user rates within one period of so many minutes of the clock (UTC), at least a
            second; none leaves sessions out, as do ratings without timestamps.

    Raises:
        ConfigError: a value of the wrong type or out of its range.

    Examples:
        >>> import numpy as np
        >>> from refeed import BayesianFactorisation, RandomSplit, Ratings, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> spec = BayesianFactorisation(factors=2, samples=2, burn_in=1)
        >>> train(spec, RandomSplit().apply(ratings)).spec.samples
        2
    """

    kind: ClassVar[str] = "bayesian"
    title: ClassVar[str] = "Bayesian factorisation"

    factors: PositiveInt = 32
    samples: PositiveInt = 80
    burn_in: NonNegativeInt = 20
    thinning: PositiveInt = 1
    choice_features: NonNegativeInt = 64
    noise_strength: NoiseStrength | None = 20.0
    session_minutes: Minutes | None = 10.0

    @property
    def session_seconds(self) -> int | None:
        """Length of the period of a session, None without sessions."""
        return None if self.session_minutes is None else round(MINUTE * self.session_minutes)

    @property
    def sweeps(self) -> int:
        """How often all items and users are drawn."""
        return self.burn_in + self.samples * self.thinning

    @override
    def summary(self, num_users: int, num_items: int) -> str:
        return f"Bayesian matrix factorisation, {self.factors:,} factors, mean of {self.samples:,} draws"

    @override
    def build(self, num_users: int, num_items: int, *, seed: int) -> BayesianModel:
        return BayesianModel(
            num_users,
            num_items,
            factors=self.factors,
            choice_features=self.choice_features,
            noise_strength=self.noise_strength,
            session_seconds=self.session_seconds,
        )
