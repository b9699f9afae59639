"""Latent spaces: elementary factors, their products, and quotients by finite groups."""

from topovae.latent import circle, interval, line, sphere
from topovae.latent.factor import FACTORS, Factor, register
from topovae.latent.space import LatentSpace

__all__ = ["FACTORS", "Factor", "LatentSpace", "circle", "interval", "line", "register", "sphere"]
