"""`python -m topovae`."""

from topovae.cli import main

if __name__ == "__main__":
    main()
