"""The page of an evaluation: legible with and without a baseline, a certificate and all splits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from matplotlib.figure import Figure

from topovae.viz.metrics import metrics_figure

SPLIT: dict[str, Any] = {
    **{"rms": 0.123456, "nll": -12.5, "kl": 4.0, "elbo": 8.5, "iwae": None, "stress": 0.02},
    "kl_per_factor": {"S1.0": 2.0, "S1.1": 2.5, "group": -0.5},
}
REASONS = ["a fold of 5% of the samples would be seen in 97% of places", "long " * 60]


def document(**changed: Any) -> dict[str, Any]:
    splits = {"train": SPLIT, "valid": SPLIT, "test": SPLIT}
    whole = {"latent": "(S1xS1)/<rot(1/2),flip>", **splits, "baseline": {"latent": "R2", **splits}, "certificate": None}
    return whole | changed


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"baseline": None},
        {"train": None, "valid": None},
        *({"certificate": {"verdict": verdict, "reasons": REASONS}} for verdict in ("homeomorphic", "undecided")),
    ],
)
def test_every_page_is_legible_and_has_its_figures(changed: dict[str, Any], assert_legible: Callable[[Figure], None]) -> None:
    page = metrics_figure(document(**changed), title="data.npy")
    assert_legible(page)
    axes = page.get_axes()
    words = " ".join(text.get_text() for each in axes for text in each.texts)
    whole = document(**changed)
    members = [whole, *([whole["baseline"]] if whole["baseline"] else [])]
    assert words.count("0.1235") == sum(member[split] is not None for member in members for split in ("train", "valid", "test"))
    assert len(axes[1].patches) == 3 * len(members)
    if "certificate" in changed:
        assert changed["certificate"]["verdict"] in axes[2].get_title(loc="left") and "fold of 5%" in words
