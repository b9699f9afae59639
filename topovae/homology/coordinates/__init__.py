"""After the verdict: where each sample lies on the space."""
