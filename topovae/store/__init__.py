"""Run files and reports: HDF5 that h5py, R and Julia read (SCHEMA.md is the normative page)."""

from topovae.store.inspect import describe, field
from topovae.store.reader import read_report, read_run, read_sweep
from topovae.store.schema import (
    FORMAT_VERSION,
    REPORT_FORMAT,
    RUN_FORMAT,
    SWEEP_FORMAT,
    Checkpoint,
    Header,
    Member,
    Provenance,
    Report,
    Run,
    Sweep,
    SweepRun,
)
from topovae.store.writer import write_report, write_run, write_sweep

__all__ = [
    "FORMAT_VERSION",
    "REPORT_FORMAT",
    "RUN_FORMAT",
    "SWEEP_FORMAT",
    "Checkpoint",
    "Header",
    "Member",
    "Provenance",
    "Report",
    "Run",
    "Sweep",
    "SweepRun",
    "describe",
    "field",
    "read_report",
    "read_run",
    "read_sweep",
    "write_report",
    "write_run",
    "write_sweep",
]
