"""Pictures of runs and diagnoses, each a `matplotlib.figure.Figure` outside pyplot's global state."""

from topovae.viz.barcode import plot_barcode
from topovae.viz.curves import plot_history
from topovae.viz.diagnosis import plot_diagnosis
from topovae.viz.files import render, save, suffix_of
from topovae.viz.fronts import Front, plot_fronts
from topovae.viz.images import plot_reconstructions
from topovae.viz.latents import plot_latents
from topovae.viz.summary import summary_figure

__all__ = [
    "Front",
    "plot_barcode",
    "plot_diagnosis",
    "plot_fronts",
    "plot_history",
    "plot_latents",
    "plot_reconstructions",
    "render",
    "save",
    "suffix_of",
    "summary_figure",
]
