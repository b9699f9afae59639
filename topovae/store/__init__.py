"""Run files and reports: HDF5 that h5py, R and Julia read (SCHEMA.md is the normative page)."""
