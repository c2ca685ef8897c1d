"""Session effects in Bayesian regressions: sums over the ratings of each session."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class SessionSums:
    """The sessions of g rows, padded to D, for S samples, where value = x . f + t_session + noise of precision a w.

    With t ~ N(0, v / a), the ratings of a session have the covariance (diag(1 / w) + v 1 1^T) / a. Its inverse is
    a (diag(w) - share w w^T), where share = v / (1 + v W) and W is the sum of w over the session (Sherman-Morrison), and so

    - products of features and targets with the effects integrated out are the usual ones less share s s^T for each session;
    - given x, t ~ N(share (s_y - s_f . x), share / a).

    Attributes:
        sums: s, of w (f, y) over the ratings of each session, (S, g, D, d + 1); 0 where a row has fewer sessions.
        share: (S, g, D).
    """

    sums: Tensor
    share: Tensor

    @classmethod
    def of(cls, sums: Tensor, variance: Tensor) -> SessionSums:
        """From the sums, whose last feature is a 1, and v of each sample, (S,)."""
        variance = variance[:, None, None]
        return cls(sums, variance / (1.0 + variance * sums[..., -2]))

    def integrated(self, products: Tensor) -> Tensor:
        """Products of features and targets, (S, g, d + 1, d + 1), with the effects integrated out."""
        return products - (self.sums * self.share[..., None]).mT @ self.sums

    @property
    def weights(self) -> Tensor:
        """W, (S, g, D)."""
        return self.sums[..., -2]

    def errors(self, vectors: Tensor) -> Tensor:
        """s_y - s_f . x for each of r vectors x, (S, g, d, r) -> (S, g, D, r)."""
        return self.sums[..., -1:] - self.sums[..., :-1] @ vectors

    def expected(self, vectors: Tensor) -> Tensor:
        """The expectation of t given each of r vectors x, or means of x: (S, g, d, r) -> (S, g, D, r)."""
        return self.share[..., None] * self.errors(vectors)


def put_by_row(target: Tensor, values: Tensor, first: Tensor, counts: Tensor) -> None:
    """Copy the first `counts`, (g,), values of each row, (g, D, r), into `target`, (T, r), from index `first`, (g,), on."""
    order = counts.new_ones(values.shape[:2]).cumsum(1) - 1
    known = order < counts[:, None]
    target[(first[:, None] + order)[known]] = values[known]
