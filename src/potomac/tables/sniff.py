"""What a text file is, found out from its first part: encoding, delimiter, header, decimal comma."""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass

from potomac.errors import DataError, Fault
from potomac.tables.chunk import shown

__all__ = ["HEAD", "Dialect", "decimal_comma", "dialect", "encoding", "looks_like_data"]

HEAD = 1 << 18
"""Bytes that are looked at."""

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = bytes(range(9)) + bytes(range(14, 27)) + bytes(range(28, 32))
_QUOTED = re.compile(r'"[^"]*"')
_NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*")
_DATE = re.compile(r"\s*\d{4}-\d\d-\d\d([T ].*)?")
_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a delimited file is written. ``skip`` lines stand before the header, if it has one."""

    encoding: str
    delimiter: str
    names: tuple[str, ...]
    skip: int = 0
    mark: bool = False  # begins with a byte order mark
    header: bool = True  # the first line holds the names
    quoted: bool = True  # quotation marks hold a field together

    @property
    def words(self) -> str:
        """The same in words, for a note."""
        mark = " with byte order mark" if self.mark else ""
        parted = DELIMITERS.get(self.delimiter, shown(self.delimiter))
        many = f"{len(self.names)} columns parted by {parted}" if len(self.names) > 1 else "one column"
        return f"{many}, encoding {self.encoding.upper().removesuffix('-SIG')}{mark}"


def encoding(data: bytes, label: str) -> str:
    """The encoding of a text that begins with ``data``, as Python names it.

    A text that is no UTF-8 and has no byte order mark is taken as Windows' cp1252 where it uses that code page's
    own signs, else as latin-1, of which every byte is a sign.

    Raises:
        DataError: it is no text.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name
    wide = _wide(data)
    if wide:
        return wide
    if len(data.translate(None, _CONTROLS)) < len(data) * 0.999 or data.startswith(b"PAR1"):
        nul = f"; byte {data.index(0)} is the first NUL" if 0 in data else ""
        found = f"{shown(label)} is no text: it begins with the bytes {data[:8].hex(' ')}{nul}"
        mend = "If it is of another kind, give it that kind's ending, for example .parquet"
        raise DataError(Fault("data.not-text", found, "expected text with a header and delimiters", mend))
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return _single_byte(data)
    return "utf-8"


def _wide(data: bytes) -> str:
    """UTF-16 without a mark: every other byte of mostly Latin text is zero."""
    half = max(len(data[:4096]) // 2, 1)
    low, high = data[1:4096:2].count(0) / half, data[0:4096:2].count(0) / half
    if low > 0.4 and high < 0.05:
        return "utf-16-le"
    return "utf-16-be" if high > 0.4 and low < 0.05 else ""


def _single_byte(data: bytes) -> str:
    own = {byte for byte in data if 0x80 <= byte <= 0x9F}
    return "cp1252" if own and not own & {0x81, 0x8D, 0x8F, 0x90, 0x9D} else "latin-1"


def dialect(data: bytes, label: str, whole: bool) -> Dialect:
    """How the delimited file that begins with ``data`` is written.

    Args:
        data: its first bytes, decompressed.
        label: what messages call it.
        whole: these are all of its bytes.

    Raises:
        DataError: it is empty, or no text.
    """
    name = encoding(data, label)
    text = codecs.getincrementaldecoder(name)("replace").decode(data)
    if not text.strip():
        found = f"{shown(label)} is empty"
        raise DataError(
            Fault("data.empty", found, "expected a line of names and rows below it", "Write the file again")
        )
    told = re.match(r"sep=([,;\t|])\r?\n", text)  # a spreadsheet's own way to say it
    body = text[told.end() :] if told else text
    delimiter = told.group(1) if told else _delimiter(_lines(body, whole))
    mark = any(data.startswith(start) for start, _ in _BOMS)
    blank = body[: len(body) - len(body.lstrip("\r\n"))]
    skip = (1 if told else 0) + len(blank.splitlines())
    return Dialect(name, delimiter, _header(body, delimiter, label, whole), skip, mark)


def _lines(text: str, whole: bool) -> list[str]:
    """Lines without their quoted parts; the last one only where it is complete."""
    lines = _QUOTED.sub("", text).splitlines()[:1000]
    complete = lines if whole or len(lines) < 2 else lines[:-1]
    return [line for line in complete if line.strip()]


def _delimiter(lines: list[str]) -> str:
    """The sign that splits most lines into as many parts as the header; of several, the one with more parts."""

    def fit(sign: str) -> tuple[float, int]:
        count = lines[0].count(sign)
        return sum(line.count(sign) == count for line in lines) / len(lines), count

    candidates = [sign for sign in DELIMITERS if lines and sign in lines[0]]
    return max(candidates, key=fit, default=",")


def _header(text: str, delimiter: str, label: str, whole: bool) -> tuple[str, ...]:
    """The names; a header that goes on beyond ``text`` is none, for its names would be cut."""
    lines = io.StringIO(text.lstrip("\r\n"), newline="")
    rows = csv.reader(lines, delimiter=delimiter)
    try:
        names = tuple(name.strip() for name in next(rows, []))
    except csv.Error:
        names = tuple(lines.getvalue().splitlines()[0].split(delimiter))
    if not whole and not lines.read(1):
        found = f"the first line of {shown(label)} is longer than {HEAD >> 10} kB"
        raise DataError(Fault("data.csv", found, "expected a line of names", "Look whether this is a table at all"))
    return names


def looks_like_data(names: tuple[str, ...]) -> bool:
    """Whether a header holds numbers and dates instead of names."""
    filled = [name for name in names if name]
    return bool(filled) and all(_NUMBER.fullmatch(name) or _DATE.fullmatch(name) for name in filled)


def decimal_comma(values: list[str]) -> bool:
    """Whether numbers are written with a decimal comma.

    ``12,5`` is one; ``1,234`` alone may be a thousand, so values that could all be thousands do not count.
    """
    commas = [value for value in values if _COMMA.fullmatch(value.strip())]
    if not commas or any(_POINT.fullmatch(value.strip()) for value in values):
        return False
    return any(not _THOUSANDS.fullmatch(value.strip()) for value in commas)
