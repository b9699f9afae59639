"""Diagrams to what was measured: significant bars, circles, products, covers, orbits and symmetries."""
