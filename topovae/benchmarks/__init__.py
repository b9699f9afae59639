"""Benchmarks of the tool itself, on data whose answer is known; `topovae bench` runs them."""
