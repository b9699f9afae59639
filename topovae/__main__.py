"""`topovae` and `python -m topovae`."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the console script; an interrupt during the imports is one line too."""
    try:
        from topovae.cli import app

        app()
    except KeyboardInterrupt:
        sys.stderr.write("topovae: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
