"""topovae: diagnose the topology of a data set and train the VAE whose latent space matches it."""

from topovae.version import __version__

__all__ = ["__version__"]
