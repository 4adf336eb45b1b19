"""Errors as values: what was found where, what was expected, and how to mend it.

A :class:`Fault` is plain data. The faces (terminal, JSON, form, page) render it; tests compare its code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from urllib.parse import unquote

__all__ = [
    "DataError", "Fault", "Interrupted", "NoAnswer", "PotomacError", "StudyError", "did_you_mean", "listing", "shown",
]  # fmt: skip

STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control signs, and those that turn the direction of writing round: ``x\\u202egpj.exe`` would look like a picture."""


def shown(value: object, most: int = 80) -> str:
    """``value`` on one line for a message: signs that steer a terminal or a page escaped, cut at ``most`` signs."""
    text = str(value)
    text = text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= most else f"{text[: most - 3]}..."


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    ``code`` is stable (``data.column-missing``). ``found``, ``expected`` and ``mend`` are clauses in plain
    English without a final stop. ``file``, ``line`` (1-based) and ``key`` say where, as far as it is known.
    """

    code: str
    found: str
    expected: str = ""
    mend: str = ""
    file: str = ""
    line: int | None = None
    key: str = ""

    @property
    def where(self) -> str:
        """``study.toml:14: data.columns.speed``, or as much of it as is known."""
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file
        return ": ".join(part for part in (place, self.key) if part)

    def __str__(self) -> str:
        sentence = "; ".join(part for part in (self.found, self.expected) if part)
        sentence = ". ".join(part for part in (sentence, self.mend) if part)
        text = ": ".join(part for part in (self.where, sentence) if part)
        line = " ".join(text.splitlines())  # one error, one line, whatever a name or value holds
        return STEERING.sub(lambda sign: ascii(sign[0])[1:-1], line)

    def to_dict(self) -> dict[str, object]:
        """The fault as JSON-ready values."""
        return asdict(self)


class PotomacError(Exception):
    """Base of all errors that Potomac raises on purpose. Carries one or more faults."""

    exit_code = 1

    def __init__(self, faults: Fault | Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))

    def __reduce__(self) -> tuple[type[PotomacError], tuple[tuple[Fault, ...]]]:
        return type(self), (self.faults,)


class StudyError(PotomacError, ValueError):
    """The command or the study is wrong (exit code 2)."""

    exit_code = 2


class DataError(PotomacError, ValueError):
    """The data is wrong (exit code 3)."""

    exit_code = 3


class NoAnswer(PotomacError):
    """No answer can be computed: infeasible, unstable, or stopped without any solution (exit code 4)."""

    exit_code = 4


class Interrupted(PotomacError):
    """The work was stopped on request (exit code 130)."""

    exit_code = 130


_ADDRESS = re.compile(r"\w://(?:\\.|[^\s\"])+")
_PASSWORD = re.compile(r"(?<=://)([^/@:]*):(.*)@", re.DOTALL)
_PARAMETER = re.compile(r"([?&](?:\w*pass\w*|pwd|\w*token|\w*secret)=)([^&#]*)", re.IGNORECASE)


def masked(text: str) -> str:
    """``text`` with the passwords of all addresses in it replaced; an address ends at white space or at ``"``."""

    def replaced(match: re.Match[str]) -> str:
        address = match.group().rstrip("'`)]}>,.;")  # what closes a sentence or a quotation
        return masked_address(address) + match.group()[len(address) :]

    return _ADDRESS.sub(replaced, text)


def masked_address(address: str) -> str:
    """One address and nothing else, its passwords replaced by ``***``, whatever signs they are made of."""
    return _PARAMETER.sub(r"\1***", _PASSWORD.sub(r"\1:***@", address))


def passwords(address: str) -> set[str]:
    """What ``masked_address`` takes out, as it stands there and as it is meant."""
    found = {match.group(2) for pattern in (_PASSWORD, _PARAMETER) for match in pattern.finditer(address)}
    return {*found, *map(unquote, found)} - {""}


def listing(names: Iterable[object], most: int = 12) -> str:
    """``a, b, c`` or, past ``most``, ``a, b, ... and 40 more``; each name as :func:`shown` has it."""
    items = [shown(name) for name in names]
    if len(items) <= most:
        return ", ".join(items)
    return f"{', '.join(items[:most])} and {len(items) - most:,} more"


def did_you_mean(word: str, valid: Sequence[str]) -> str:
    """``Did you mean "speed"?`` where one of ``valid`` is close to ``word``, else an empty string."""
    near = closest(word, valid)
    return f'Did you mean "{shown(near)}"?' if near else ""


def closest(word: str, valid: Sequence[str]) -> str:
    """Which of ``valid`` is meant by ``word``: one that is spelt nearly so, else the one that holds it or is held."""
    folded = {name.casefold(): name for name in valid}
    meant = word.casefold()
    close = get_close_matches(meant, list(folded), n=1, cutoff=0.6 if len(meant) < 5 else 0.7)  # "tyo": toy
    if close:
        return folded[close[0]]
    words = [name for name in folded if _within(meant, name) or _within(name, meant)]
    return folded[words[0]] if len(words) == 1 else ""


def _within(part: str, whole: str) -> bool:
    """Whether a word begins or ends with another, or one of its parts between underscores is it."""
    return len(part) > 1 and (part in whole.split("_") or (len(part) > 3 and whole.startswith(part)))
