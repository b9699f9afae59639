"""Evaluation: metrics, comparison with ground truth and with a baseline."""

from topovae.evaluation.assess import assess
from topovae.evaluation.metrics import Latents, Metrics, locate, measure
from topovae.evaluation.truth import circular_agreement, geodesic_stress, recovered_circles

__all__ = [
    "Latents",
    "Metrics",
    "assess",
    "circular_agreement",
    "geodesic_stress",
    "locate",
    "measure",
    "recovered_circles",
]
