"""A diagnosis as a person looks at it: in a line, in a notebook, in a picture."""

from __future__ import annotations

from abc import abstractmethod
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from topovae.store.documents import probability

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Shown:
    """What has the JSON of a diagnosis, shown."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The JSON document of `topovae analyze`."""

    def __repr__(self) -> str:
        """The answer in one line."""
        document = self.to_dict()
        features = document["n_features"]
        size = f"{document['n_samples']} samples" + f" of {features} numbers" * (features is not None)
        return f"<{type(self).__name__} of {size}: {_answer(document)}>"

    def _repr_html_(self) -> str:
        """The answer and why, for a notebook."""
        document = self.to_dict()
        why = "".join(f"<li>{escape(sentence)}</li>" for sentence in document["summary"])
        return f"<div><b>{escape(_answer(document))}</b><ul>{why}</ul></div>"

    def plot(self, title: str = "") -> Figure:
        """Barcodes, persistence diagrams, the landmarks and the candidates on one page.

        Args:
            title: what was diagnosed, before the answer.
        """
        from topovae.viz.diagnosis import plot_diagnosis

        points, angles = self._drawn()
        return plot_diagnosis(self.to_dict(), landmark_points=points, angles=angles, title=title)

    def _drawn(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        """The landmarks (m, q) and their angles (m, k) in radians, where they are at hand."""
        return None, None


def _answer(document: dict[str, Any]) -> str:
    best = document["recommendation"]
    return f"{best['name']}, latent {best['latent']}, confidence {probability(best['confidence'])}"
