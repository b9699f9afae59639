"""Files to data sets: one module a format."""
