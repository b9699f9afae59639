"""Option values of the generators, which may come as text from a command line."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from topovae.errors import UsageError

_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def whole(name: str, value: Any, least: int) -> int:
    """Read a whole number of at least `least`.

    Raises:
        UsageError: the value is something else.
    """
    try:
        number = int(value)
        exact = number == float(value)
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact or number < least:
        raise UsageError(f"{name} is {value!r}; expected a whole number of at least {least}.")
    return number


def real(name: str, value: Any, least: float = 0.0, most: float = math.inf) -> float:
    """Read a finite number from `least` to `most`.

    Raises:
        UsageError: the value is something else.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and least <= number <= most):
        bound = f" and at most {most:g}" if math.isfinite(most) else ""
        raise UsageError(f"{name} is {value!r}; expected a finite number of at least {least:g}{bound}.")
    return number


def flag(name: str, value: Any) -> bool:
    """Read true or false.

    Raises:
        UsageError: the value is something else.
    """
    if str(value).lower() not in _FLAGS:
        raise UsageError(f"{name} is {value!r}; expected true or false.")
    return _FLAGS[str(value).lower()]


def one_of(name: str, value: Any, choices: Iterable[str]) -> str:
    """Read one of a few words.

    Raises:
        UsageError: the value is another word.
    """
    choices = tuple(choices)
    if value not in choices:
        raise UsageError(f"{name} is {value!r}; expected one of {', '.join(choices)}.")
    return str(value)


def whole_list(name: str, value: Any, least: int) -> tuple[int, ...]:
    """Read whole numbers from a number, a sequence of them, or text with commas between them."""
    if isinstance(value, str):
        value = value.split(",")
    elif not isinstance(value, Iterable):
        value = (value,)
    return tuple(whole(name, part, least) for part in value)
