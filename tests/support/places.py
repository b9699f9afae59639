"""Where tests find what they read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_data"
SHARED = ROOT.parent / "shared"
"""Data and reference values beside the project, which it must work without."""

MNIST = SHARED / "data" / "mnist"
ORACLES = SHARED / "oracles" / "kl.json"
