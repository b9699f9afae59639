"""Pictures of runs and diagnoses, each a `matplotlib.figure.Figure` outside pyplot's global state."""

from topovae.viz.diagnosis import plot_diagnosis
from topovae.viz.files import render, save, suffix_of
from topovae.viz.fronts import RateDistortion, plot_fronts
from topovae.viz.summary import summary_figure

__all__ = [
    "RateDistortion",
    "plot_diagnosis",
    "plot_fronts",
    "render",
    "save",
    "suffix_of",
    "summary_figure",
]
