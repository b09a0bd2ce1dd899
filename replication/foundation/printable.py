"""Names that strangers gave to files, as sentences show them: in one line, and without signs that a terminal obeys."""

from __future__ import annotations

import unicodedata


def printable(text: object) -> str:
    """A text with the code of each sign that cannot be printed in its place, such as `\\n` or `\\x9b`."""
    return "".join(sign if is_printable(sign) else ascii(sign)[1:-1] for sign in str(text))


def is_printable(text: str) -> bool:
    """Whether every sign of a text can be printed, spaces of any width among them."""
    return all(sign.isprintable() or unicodedata.category(sign) == "Zs" for sign in text)


def has_controls(text: str) -> bool:
    """Whether a terminal obeys a sign of a text: those below 32, and 127 to 159."""
    return any(unicodedata.category(sign) == "Cc" for sign in text)
