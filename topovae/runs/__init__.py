"""The work of the commands: options, plan, training, evaluation, sweeps, and the Python API."""
