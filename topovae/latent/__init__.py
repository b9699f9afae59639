"""Latent spaces: elementary factors, their products, and quotients by finite groups."""

from topovae.latent import annulus, circle, interval, learned, line, sphere, submanifold
from topovae.latent.embedding import Embedding
from topovae.latent.factor import FACTORS, Factor, Family, register
from topovae.latent.mixture import MixtureSpace, Space, space_of
from topovae.latent.space import LatentSpace
from topovae.latent.terms import Terms

__all__ = [
    "FACTORS",
    "Embedding",
    "Factor",
    "Family",
    "LatentSpace",
    "MixtureSpace",
    "Space",
    "Terms",
    "annulus",
    "circle",
    "interval",
    "learned",
    "line",
    "register",
    "space_of",
    "sphere",
    "submanifold",
]
