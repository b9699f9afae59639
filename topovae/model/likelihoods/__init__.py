"""Likelihoods p(x | z), one a file, and the table of them: a new one is its file and its row."""

from topovae.model.likelihoods.bernoulli import BernoulliLikelihood
from topovae.model.likelihoods.gaussian import GaussianLikelihood
from topovae.model.likelihoods.likelihood import Likelihood, Stated
from topovae.model.likelihoods.negative_binomial import NegativeBinomialLikelihood
from topovae.model.likelihoods.poisson import PoissonLikelihood
from topovae.model.likelihoods.student import StudentLikelihood

LIKELIHOODS: dict[str, type[Likelihood]] = {
    "gaussian": GaussianLikelihood,
    "bernoulli": BernoulliLikelihood,
    "poisson": PoissonLikelihood,
    "negative-binomial": NegativeBinomialLikelihood,
    "student": StudentLikelihood,
}

__all__ = ["LIKELIHOODS", "Likelihood", "Stated"]
