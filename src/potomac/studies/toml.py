"""TOML -> values that know their line.

The standard parser gives the values and judges the syntax; a concrete syntax tree (tree-sitter) tells where each
key, table and element stands. A path is a tuple of keys and list indices: ``("station", 1, "servers")``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from potomac.errors import Fault, StudyError

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Document", "Path", "dotted", "heading", "parse", "read"]

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LARGEST = 4 * 2**20
_WHERE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True)
class Document:
    """The values of a TOML text and the 1-based line of every path in it.

    ``spans`` holds the byte range of the value of every ``key = value``; ``headers`` the byte after each ``[table]``
    line's end, for those who edit the text.
    """

    values: dict[str, Any]
    file: str = ""
    text: str = ""
    lines: Mapping[Path, int] = field(default_factory=dict)
    spans: Mapping[Path, tuple[int, int]] = field(default_factory=dict)
    headers: Mapping[Path, int] = field(default_factory=dict)

    def line(self, path: Sequence[str | int]) -> int | None:
        """Line of ``path``, or of the nearest thing around it; 1 where nothing around it stands in the text."""
        for end in range(len(path), 0, -1):
            line = self.lines.get(tuple(path[:end]))
            if line is not None:
                return line
        return 1 if self.text else None

    def locate(self, key: str) -> int | None:
        """Line of a key written with dots, as faults carry it."""
        return self.line(self.path(key))

    def path(self, key: str) -> Path:
        """The path of a dotted key; digits count as list indices where the text has a list."""
        path: list[str | int] = []
        value: Any = self.values
        for name in filter(None, re.split(r"[.\[\]]+", key)):
            part: str | int = int(name) if isinstance(value, list) and name.isdigit() else name
            path.append(part)
            value = _inside(value, part)
        return tuple(path)


def _inside(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


def dotted(path: Sequence[str | int]) -> str:
    """``station.1.servers``, as ``--set`` takes it; names with other signs than letters, digits, _ and - are quoted."""
    return ".".join(_written(str(part)) for part in path)


def heading(path: Sequence[str | int]) -> str:
    """What stands above the keys of a table: ``[data]``, or ``[[station]]`` for each of a list."""
    names = dotted([part for part in path if isinstance(part, str)])
    return f"[[{names}]]" if path and isinstance(path[-1], int) else f"[{names}]"


def _written(name: str) -> str:
    return name if _BARE.fullmatch(name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def read(file: str | FilePath) -> Document:
    """The document in ``file``.

    Raises:
        StudyError: the file cannot be read, is not UTF-8 text, or is not TOML.
    """
    shown = str(file)
    try:
        with FilePath(file).open("rb") as stream:
            raw = stream.read(_LARGEST + 1)
    except OSError as error:
        raise StudyError(_unreadable(error, shown)) from error
    if len(raw) > _LARGEST:
        found = "the study file is larger than 4 MB"
        mend = "Keep data in its own file and name it as source"
        raise StudyError(Fault("study.too-large", found, "expected a TOML file of a few lines", mend, shown))
    try:
        return parse(raw.decode("utf-8-sig"), shown)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{raw[error.start]:02x} is not UTF-8 text"
        mend = "Save the file as UTF-8"
        raise StudyError(Fault("study.encoding", found, "study files are UTF-8", mend, shown, line)) from error


def _unreadable(error: OSError, shown: str) -> Fault:
    if isinstance(error, FileNotFoundError):
        mend = 'Write one with "potomac new KIND PATH"'
        return Fault("study.file-missing", "there is no such study file", "", mend, shown)
    if isinstance(error, IsADirectoryError):
        return Fault("study.file-directory", "this is a directory", "expected a study file (TOML)", "", shown)
    reason = (error.strerror or type(error).__name__).lower()
    return Fault("study.file-unreadable", f"the study file cannot be read: {reason}", "", "", shown)


def parse(text: str, file: str = "") -> Document:
    """The document in ``text``; ``file`` is the name errors show.

    Raises:
        StudyError: the text is not TOML; a key is there twice (both lines are named).
    """
    text = text.replace("\r\n", "\n")
    places = _Places()
    try:
        places.visit(text)
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        faults = [_doubled(path, first, again, file) for path, first, again in places.doubled]
        raise StudyError(faults or [_syntax(error, text, file)]) from error
    except RecursionError as error:
        raise StudyError(Fault("study.nesting", "values are nested too deeply", file=file)) from error
    return Document(values, file, text, places.lines, places.spans, places.headers)


def _doubled(path: Path, first: int, again: int, file: str) -> Fault:
    found = f"the key stands twice, in line {first} and in line {again}"
    return Fault("study.key-doubled", found, "each key stands once", "Remove one of them", file, again, dotted(path))


class _Places:
    """Walks the syntax tree and notes where each path stands."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.spans: dict[Path, tuple[int, int]] = {}
        self.headers: dict[Path, int] = {}
        self.doubled: list[tuple[Path, int, int]] = []
        self._count: dict[Path, int] = {}

    def visit(self, text: str) -> None:
        import tree_sitter
        import tree_sitter_toml

        parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language()))
        for node in parser.parse(text.encode()).root_node.named_children:
            if node.type == "pair":
                self._pair(node, ())
            elif node.type in ("table", "table_array_element"):
                self._table(node)

    def _table(self, node: Node) -> None:
        names = _key(node.named_children[0]) if node.named_children else ()
        path = self._resolve(names[:-1]) + names[-1:]
        line = node.start_point[0] + 1
        if node.type == "table_array_element":
            index = self._count[path] = self._count.get(path, -1) + 1
            self.lines.setdefault(path, line)
            path = (*path, index)
        elif path in self.headers or path in self.spans:
            self.doubled.append((path, self.lines[path], line))
        self._around(path, line)
        self.lines[path] = line
        self.headers[path] = node.named_children[0].end_byte if node.named_children else node.end_byte
        for child in node.named_children[1:]:
            if child.type == "pair":
                self._pair(child, path)

    def _resolve(self, names: tuple[str, ...]) -> Path:
        """``[station.sub]`` after ``[[station]]`` belongs to the last station."""
        path: Path = ()
        for name in names:
            path = (*path, name)
            if path in self._count:
                path = (*path, self._count[path])
        return path

    def _around(self, path: Path, line: int) -> None:
        for end in range(1, len(path)):
            self.lines.setdefault(path[:end], line)

    def _pair(self, node: Node, base: Path) -> None:
        if len(node.named_children) < 2:
            return
        path = base + _key(node.named_children[0])
        line = node.start_point[0] + 1
        if path in self.spans or path in self.headers:
            self.doubled.append((path, self.lines[path], line))
        self._around(path, line)
        self.lines[path] = line
        value = node.named_children[-1]
        self.spans[path] = (value.start_byte, value.end_byte)
        self._value(value, path)

    def _value(self, node: Node, path: Path) -> None:
        if node.type == "inline_table":
            for child in node.named_children:
                if child.type == "pair":
                    self._pair(child, path)
        elif node.type == "array":
            elements = (child for child in node.named_children if child.type != "comment")
            for index, child in enumerate(elements):
                self.lines[(*path, index)] = child.start_point[0] + 1
                self._value(child, (*path, index))


def _key(node: Node) -> tuple[str, ...]:
    return tuple(_names(node))


def _names(node: Node) -> Iterator[str]:
    if node.type == "dotted_key":
        for child in node.named_children:
            yield from _names(child)
    else:
        text = (node.text or b"").decode()
        yield _unquoted(text) if node.type == "quoted_key" else text


def _unquoted(text: str) -> str:
    try:
        return str(tomllib.loads(f"x = {text}")["x"])
    except tomllib.TOMLDecodeError:
        return text.strip("\"'")


def _syntax(error: tomllib.TOMLDecodeError, text: str, file: str) -> Fault:
    match = _WHERE.search(str(error))
    rows = text.split("\n")
    if match and match[1]:
        line, column = int(match[1]), int(match[2])
    else:
        line, column = max(1, len(text.rstrip().split("\n"))), 0
    row = rows[line - 1] if line <= len(rows) else ""
    reason = str(error)[: match.start()] if match else str(error)
    found, expected, mend = _plain(reason, row, column)
    return Fault("study.syntax", found, expected, mend, file, line)


def _plain(reason: str, row: str, column: int) -> tuple[str, str, str]:
    """What was found, what was expected and how to mend it, for a complaint of the standard parser."""
    rest = row[max(column - 1, 0) :].strip()
    shown = _quoted(rest) if column and rest else "the end of the line" if column else "the end of the file"
    if reason.startswith("Invalid value"):
        word = re.match(r"[^\s,#\]}]+", rest)
        return (
            f"{shown} is not a value",
            'expected a number, "text", true, false, a date, [list] or {table}',
            _value_mend(word[0] if word else ""),
        )
    for start, found, expected, mend in _COMPLAINTS:
        if reason.startswith(start):
            return found.format(shown=shown), expected, _value_mend(row.partition("=")[2].strip()) or mend
    return f"{shown} cannot be read as TOML", f"the parser says: {reason}", ""


def _quoted(text: str) -> str:
    return f"'{_short(text)}'" if '"' in text else f'"{_short(text)}"'


def _value_mend(word: str) -> str:
    if word in ("True", "False", "TRUE", "FALSE"):
        return f"Write {word.lower()}"
    if word in ("None", "null", "nil", "NULL"):
        return "Leave the key out where it has no value"
    if re.fullmatch(r"[+-]?\.\d+", word):
        return f"Write {word.replace('.', '0.')}"
    if re.fullmatch(r"[+-]?\d+\.", word):
        return f"Write {word}0"
    if re.fullmatch(r"0+\d+", word):
        return f'Write {int(word)}, or "{word}" for text'
    return f'Put text in quotes: "{_short(word)}"' if re.match(r"[^\W\d]|[./~]", word) else ""


def _short(text: str, most: int = 40) -> str:
    text = "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)
    return text if len(text) <= most else f"{text[:most]}..."


_ONCE = "each key and each table stands once"
_COMPLAINTS = (
    ("Expected '=' after a key", "a key without a value, before {shown}", "expected key = value",
     "Put = after the key"),
    ("Expected newline or end", "{shown} follows a complete value", "expected the end of the line",
     "Put text in quotes, one key in each line, and write numbers without leading zeros"),
    ("Expected ']' at the end", "the table heading is not closed before {shown}", "expected [name]",
     "Close it with ]"),
    ("Expected ']]' at the end", "the table heading is not closed before {shown}", "expected [[name]]",
     "Close it with ]]"),
    ("Unclosed array", "a list is not closed before {shown}", "expected a comma or ]", "Close it with ]"),
    ("Unclosed inline table", "a table in braces is not closed before {shown}", "expected a comma or }",
     "Keep { ... } in one line, or give it a heading of its own: [name]"),
    ("Invalid statement", "{shown} is neither a key nor a table", "expected key = value or [table]", ""),
    ("Illegal character '\\n'", "a text is not closed before the end of the line", "expected a closing quote",
     "Add the quote"),
    ("Illegal character", "{shown} holds a character that TOML does not allow here", "expected printable text", ""),
    ("Unescaped '\\'", "a backslash in the text before {shown} begins no known escape",
     "in \"...\" a backslash is written \\\\", "Use 'single quotes' for Windows paths"),
    ("Expected \"'\"", "a text in single quotes is not closed", "expected a closing quote", "Add the quote"),
    ("Unterminated string", "a text is not closed before {shown}", "expected a closing quote", "Add the quote"),
    ("Cannot overwrite a value", "a key or table before {shown} has a value already", _ONCE, "Remove one of them"),
    ("Cannot declare", "a table before {shown} is declared already", _ONCE, "Join the two"),
    ("Duplicate inline table key", "a key before {shown} stands twice in one table", _ONCE, "Remove one of them"),
    ("Cannot mutate immutable", "a table in braces is extended near {shown}", "a table in braces is complete",
     "Write its keys inside the braces, or give it a heading of its own"),
    ("Cannot redefine namespace", "a list in brackets is extended near {shown}", "a list in brackets is complete", ""),
    ("Invalid initial character for a key part", "{shown} cannot begin a key", "expected a name", ""),
)  # fmt: skip
