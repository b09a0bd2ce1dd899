"""The one error a user sees: a sentence that names the cause and the mend. `foundation.command` ends the command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

_Choice = TypeVar("_Choice")


class InputError(Exception):
    """Something the user gave, or the machine lacks, stops the work; the message says what to do about it."""


class Stopped(Exception):
    """Work ended before it was done because it was asked to; the same command goes on."""


def chosen(choices: Mapping[str, _Choice], word: str, what: str, place: str = "") -> _Choice:
    """What `word` names among the choices. Raises InputError, which begins with `place`: it names none of them."""
    if word not in choices:
        where, accepted = f"{place}: " if place else "", ", ".join(choices) or "none"
        raise InputError(f"{where}{word!r} is no {what}; accepted: {accepted}.")
    return choices[word]
