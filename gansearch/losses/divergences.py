"""f-divergences and their variational bounds: Nowozin et al. 2016, f-GAN, tables 1, 2 and 6.

For a convex f with f(1) = 0 (table 2's ``gan`` aside, where f(1) = -log 4) the divergence of P from
Q is D_f(P‖Q) = E_Q[f(p/q)]. For any function T into the domain of the conjugate f*,

    E_P[T] - E_Q[f*(T)] <= D_f(P‖Q)  (equation 4),

with equality at T = f'(p/q). Pearson's f* is that of table 2, the supremum over all real u. Below
t = -2 it exceeds -1, the supremum over positive ratios, so the bound is valid but looser there. An
activation g_f maps the network's output v into the domain: T = g_f(v). Every g_f increases with v,
so a large v means "real".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Divergence:
    """An f-divergence; its functions are elementwise.

    Attributes:
        name: name in a space.
        source: the defining paper.
        f: f(u) for a density ratio u > 0.
        conjugate: f*(t) = sup_u (ut - f(u)) for t in the domain.
        supremum: least upper bound of the domain, which is unbounded below.
        activation: g_f, which maps any real number into the domain.
        conjugate_of_activation: f*(g_f(v)), simplified to avoid overflow and cancellation.
    """

    name: str
    source: str
    f: Callable[[Tensor], Tensor]
    conjugate: Callable[[Tensor], Tensor]
    supremum: float
    activation: Callable[[Tensor], Tensor]
    conjugate_of_activation: Callable[[Tensor], Tensor]

    def bound(self, real: Tensor, fake: Tensor) -> Tensor:
        """The variational lower bound of the divergence, a scalar.

        Args:
            real: the network's outputs v on samples of P, of any shape.
            fake: the network's outputs on samples of Q.
        """
        return self.activation(real).mean() - self.conjugate_of_activation(fake).mean()


# --- f of a density ratio ------------------------------------------------------------------------


def _kl(u: Tensor) -> Tensor:
    return torch.xlogy(u, u)


def _reverse_kl(u: Tensor) -> Tensor:
    return -torch.log(u)


def _pearson(u: Tensor) -> Tensor:
    return (u - 1).square()


def _hellinger(u: Tensor) -> Tensor:
    return (u.sqrt() - 1).square()


def _jensen_shannon(u: Tensor) -> Tensor:
    return torch.xlogy(u, u) - (u + 1) * torch.log((1 + u) / 2)


def _gan(u: Tensor) -> Tensor:
    return torch.xlogy(u, u) - (u + 1) * torch.log1p(u)


# --- f* of a dual variable -----------------------------------------------------------------------


def _kl_conjugate(t: Tensor) -> Tensor:
    return torch.exp(t - 1)


def _reverse_kl_conjugate(t: Tensor) -> Tensor:
    return -1 - torch.log(-t)


def _pearson_conjugate(t: Tensor) -> Tensor:
    return t.square() / 4 + t


def _hellinger_conjugate(t: Tensor) -> Tensor:
    return t / (1 - t)


def _jensen_shannon_conjugate(t: Tensor) -> Tensor:
    return -torch.log(2 - torch.exp(t))


def _gan_conjugate(t: Tensor) -> Tensor:
    return -torch.log(-torch.expm1(t))


# --- g_f, and f* ∘ g_f ----------------------------------------------------------------------------


def _identity(v: Tensor) -> Tensor:
    return v


def _below_zero(v: Tensor) -> Tensor:
    return -torch.exp(-v)


def _below_one(v: Tensor) -> Tensor:
    return -torch.expm1(-v)


def _below_log_two(v: Tensor) -> Tensor:
    return math.log(2) - F.softplus(-v)


def _minus_one(v: Tensor) -> Tensor:
    return v - 1  # -1 - log(exp(-v))


def _softplus_less_log_two(v: Tensor) -> Tensor:
    return F.softplus(v) - math.log(2)


DIVERGENCES: dict[str, Divergence] = {
    row.name: row
    for row in (
        Divergence(
            "kl",
            "Nowozin et al. 2016, Kullback-Leibler",
            f=_kl,
            conjugate=_kl_conjugate,
            supremum=math.inf,
            activation=_identity,
            conjugate_of_activation=_kl_conjugate,
        ),
        Divergence(
            "reverse_kl",
            "Nowozin et al. 2016, reverse KL",
            f=_reverse_kl,
            conjugate=_reverse_kl_conjugate,
            supremum=0.0,
            activation=_below_zero,
            conjugate_of_activation=_minus_one,
        ),
        Divergence(
            "pearson",
            "Nowozin et al. 2016, Pearson χ²",
            f=_pearson,
            conjugate=_pearson_conjugate,
            supremum=math.inf,
            activation=_identity,
            conjugate_of_activation=_pearson_conjugate,
        ),
        Divergence(
            "squared_hellinger",
            "Nowozin et al. 2016, squared Hellinger",
            f=_hellinger,
            conjugate=_hellinger_conjugate,
            supremum=1.0,
            activation=_below_one,
            conjugate_of_activation=torch.expm1,  # (1 - exp(-v)) / exp(-v)
        ),
        Divergence(
            "jensen_shannon",
            "Nowozin et al. 2016, Jensen-Shannon: twice the divergence, by table 2's f",
            f=_jensen_shannon,
            conjugate=_jensen_shannon_conjugate,
            supremum=math.log(2),
            activation=_below_log_two,
            conjugate_of_activation=_softplus_less_log_two,  # -log(2 - 2 sigmoid(v))
        ),
        Divergence(
            "gan",
            "Nowozin et al. 2016, GAN: Goodfellow et al. 2014, eq. 1",
            f=_gan,
            conjugate=_gan_conjugate,
            supremum=0.0,
            activation=F.logsigmoid,
            conjugate_of_activation=F.softplus,  # -log(1 - sigmoid(v))
        ),
    )
}
"""f-divergences by name."""
