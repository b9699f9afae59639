"""Training: hyperparameters, the loop, initial coordinates, and the run that the command line asks for."""
