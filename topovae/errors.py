"""The errors a user can cause, each with the exit code that the command line returns for it."""

from __future__ import annotations


class TopovaeError(Exception):
    """Base of every error that topovae raises on purpose; `exit_code` is what the shell sees.

    A message says in one paragraph what was found, what was expected and what to do.
    """

    exit_code = 1


class UsageError(TopovaeError):
    """An option or argument has no meaning."""

    exit_code = 2


class ExpressionError(UsageError):
    """A latent expression cannot be parsed or has no meaning.

    Args:
        problem: what is wrong, in words.
        text: the expression as given.
        position: index of the offending character in `text`.
    """

    def __init__(self, problem: str, text: str, position: int) -> None:
        self.problem, self.text, self.position = problem, text, position
        super().__init__(f"latent expression: {problem}\n  {text}\n  {' ' * position}^")


class InputError(TopovaeError):
    """The input data cannot be used."""

    exit_code = 3


class OutputError(TopovaeError):
    """The output place cannot be written."""

    exit_code = 3


class RunFileError(TopovaeError):
    """A run file is damaged, of an unknown version, or does not fit the data."""

    exit_code = 4


class ResourceError(TopovaeError):
    """A limit on memory or time would be exceeded."""

    exit_code = 5
