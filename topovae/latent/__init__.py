"""Latent spaces: elementary factors, their products, and quotients by finite groups."""

from topovae.latent import annulus, circle, interval, line, sphere, submanifold
from topovae.latent.factor import FACTORS, Factor, Family, register
from topovae.latent.space import LatentSpace

__all__ = [
    "FACTORS",
    "Factor",
    "Family",
    "LatentSpace",
    "annulus",
    "circle",
    "interval",
    "line",
    "register",
    "sphere",
    "submanifold",
]
