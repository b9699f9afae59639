"""Print the lowest versions that pyproject.toml allows, one requirement a line, as constraints for pip.

    python .ci/lowest.py > lowest.txt && pip install -c lowest.txt -e '.[test]'

torch is left out: its oldest build for Linux brings 3 GB of CUDA. `--torch` prints it too.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
for requirement in (*project["dependencies"], *project["optional-dependencies"]["test"]):
    name, version = re.fullmatch(r"([\w-]+)>=([\d.]+)(?:,.*)?", requirement).groups()
    if name != "torch" or "--torch" in sys.argv:
        sys.stdout.write(f"{name}=={version}\n")
