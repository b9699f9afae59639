"""The errors a user can cause, each with the exit code that the command line returns for it."""

from __future__ import annotations

import re
from typing import Any

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """A text for a terminal, in one line: characters that would steer it, or that no encoding has, are written as escapes.

    Args:
        text: may hold names of files, and of arrays in them, which are anyone's.

    Example:
        >>> visible("a\\nb\\x1b[2J")
        'a\\\\nb\\\\x1b[2J'
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class TopovaeError(Exception):
    """Base of every error that topovae raises on purpose; `exit_code` is what the shell sees.

    A message says in one paragraph what was found, what was expected and what to do.
    """

    exit_code = 1

    @property
    def lines(self) -> tuple[str, ...]:
        """The message as a terminal shows it: one line, but for those that point at a place."""
        return (str(self),)


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

    def __reduce__(self) -> tuple[Any, ...]:
        """Made again by its parts, so that a worker's error arrives."""
        return type(self), (self.problem, self.text, self.position)

    @property
    def lines(self) -> tuple[str, ...]:
        """The problem, the expression, and a mark below the place."""
        shown = _CONTROL.sub("?", self.text)  # one for one, so that the mark stays in its place
        return (f"latent expression: {self.problem}", f"  {shown}", f"  {' ' * self.position}^")


class InputError(TopovaeError, ValueError):
    """The input data cannot be used; in Python a `ValueError` too, as callers of scikit-learn expect."""

    exit_code = 3


class FewSamplesError(InputError):
    """There are too few different samples for a diagnosis."""


class OutputError(TopovaeError):
    """The output place cannot be written."""

    exit_code = 3


class RunFileError(TopovaeError):
    """A run file is damaged, of an unknown version, or does not fit the data."""

    exit_code = 4


class ResourceError(TopovaeError):
    """A limit on memory or time would be exceeded."""

    exit_code = 5
