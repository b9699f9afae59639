"""One thread for every test and every command it runs: small work, which shared cores would only slow down."""

import os

os.environ["OMP_NUM_THREADS"] = "1"
