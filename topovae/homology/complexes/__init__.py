"""Distances to diagrams: Rips complexes, their bars, and what they cost."""
