"""Distributions on the factors, each a `torch.distributions.Distribution` with its divergences registered."""

from topovae.distributions.joint import Joint, Orbit
from topovae.distributions.power_spherical import PowerSpherical
from topovae.distributions.truncated_normal import TruncatedNormal
from topovae.distributions.uniform import CircleUniform, IntervalUniform, SphereUniform
from topovae.distributions.wrapped_normal import WrappedNormal

__all__ = [
    "CircleUniform",
    "IntervalUniform",
    "Joint",
    "Orbit",
    "PowerSpherical",
    "SphereUniform",
    "TruncatedNormal",
    "WrappedNormal",
]
