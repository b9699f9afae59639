"""Distributions on the factors, each a `torch.distributions.Distribution` with its divergences registered."""

from topovae.distributions.beta import Beta
from topovae.distributions.brownian import BrownianMotion, ManifoldUniform, Submanifold, TorusOfRevolution
from topovae.distributions.joint import Independent, Joint, Orbit, Repeated
from topovae.distributions.kumaraswamy import Kumaraswamy
from topovae.distributions.normal import MultivariateNormal
from topovae.distributions.normal_mixture import NormalMixture
from topovae.distributions.power_spherical import PowerSpherical
from topovae.distributions.revolved_normal import RevolvedNormal
from topovae.distributions.spherical import Spherical
from topovae.distributions.student import MultivariateStudentT
from topovae.distributions.truncated_normal import TruncatedNormal
from topovae.distributions.uniform import CircleUniform, IntervalUniform, SphereUniform
from topovae.distributions.von_mises import VonMises
from topovae.distributions.von_mises_fisher import VonMisesFisher
from topovae.distributions.wrapped_multivariate_normal import WrappedMultivariateNormal
from topovae.distributions.wrapped_normal import WrappedNormal

__all__ = [
    "Beta",
    "BrownianMotion",
    "CircleUniform",
    "Independent",
    "IntervalUniform",
    "Joint",
    "Kumaraswamy",
    "ManifoldUniform",
    "MultivariateNormal",
    "MultivariateStudentT",
    "NormalMixture",
    "Orbit",
    "PowerSpherical",
    "Repeated",
    "RevolvedNormal",
    "SphereUniform",
    "Spherical",
    "Submanifold",
    "TorusOfRevolution",
    "TruncatedNormal",
    "VonMises",
    "VonMisesFisher",
    "WrappedMultivariateNormal",
    "WrappedNormal",
]
