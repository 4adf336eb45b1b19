"""Write the reference pages that follow from the code; with ``--check``, say which ones are stale.

Pages: the command, the keys of each kind of study, every error code, every fact, every public name. What a reader
needs beyond the code (when an error comes, what to do) stands in docs/reference/errors.toml.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "potomac"
REFERENCE = ROOT / "docs" / "reference"
MADE = "<!-- Made from the code by scripts/reference.py: change the code, then `make reference`. -->\n"
CODE = re.compile(r"[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z0-9]+)*")
PARTS = (
    *("outliers", "location", "recommend", "simulation", "studies", "tables", "engine", "errors", "spec", "units"),
    *("stats.streams", "stats.intervals", "stats.bootstrap", "geo.distance", "geo.cells", "geo.project"),
)
MOST = 3  # calls between the place where a message is written and the one where it is raised
EXITS = {"ServerError": 1, "StudyError": 2, "DataError": 3, "NoAnswer": 4, "Interrupted": 130}


def main() -> int:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a page is stale")
    check = parser.parse_args().check
    made = dict(pages())
    stale = [name for name, text in made.items() if _read(REFERENCE / name) != text]
    gone = [path for path in (REFERENCE / "errors").glob("*.md") if f"errors/{path.name}" not in made]
    if check:
        for name in [*stale, *(f"errors/{path.name}" for path in gone)]:
            print(f"docs/reference/{name} is stale; `make reference` writes it anew", file=sys.stderr)
        return 1 if stale or gone else 0
    for name in stale:
        (REFERENCE / name).parent.mkdir(parents=True, exist_ok=True)
        (REFERENCE / name).write_text(made[name], encoding="utf-8")
    for path in gone:
        path.unlink()
    print(f"{len(stale)} of {len(made)} pages written, {len(gone)} removed")
    return 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def pages() -> Iterator[tuple[str, str]]:
    """Name below docs/reference and text of each page."""
    yield "command.md", command_page()
    for kind, engine in _engines().items():
        yield f"study-{kind}.md", study_page(kind, engine)
    found = codes()
    about = tomllib.loads((REFERENCE / "errors.toml").read_text(encoding="utf-8"))
    yield "errors/index.md", errors_index(found, about)
    for code, said in found.items():
        yield f"errors/{code}.md", error_page(code, said, about.get(code, {}))
    yield "facts.md", facts_page()
    yield "settings.md", settings_page()
    yield "library.md", library_page()


def _engines() -> Mapping[str, Any]:
    from potomac.studies import registry

    return {kind: engine for kind, engine in registry.engines().items() if _own(engine)}


def _own(engine: Any) -> bool:
    return str(engine.study.__module__).startswith("potomac.")


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    names = list(head)
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


# The settings of the server --------------------------------------------------------------------------------------


def settings_page() -> str:
    """Every setting: its name in the file, its name in the environment, its default, what it is."""
    from potomac.server.config import Config

    parts = [
        MADE,
        "# Settings of the server\n",
        "`server.toml` in POTOMAC_HOME, or the file that POTOMAC_CONFIG names, holds the settings; the environment "
        "wins over the file. Names with a dot stand in a table of the file: `limits.rows` is `rows` below `[limits]`. "
        "`potomac doctor` says what is wrong with them. How to use them: "
        "[Run a server](../how-to/run-a-server.md).\n",
        _table(("setting", "in the environment", "default", "what it is"), _settings(Config)),
        "Beside them the environment has POTOMAC_HOME (where the server keeps everything), POTOMAC_CONFIG (another "
        "place of the file) and POTOMAC_SECRET_KEY (the key that signs sessions and links; without it one is made and "
        "kept in POTOMAC_HOME).\n",
        "Lists in the environment are written with commas, folders as `name=/path,other=/path`.\n",
    ]
    return "\n".join(parts)


def _settings(model: Any, prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    for name, field in model.model_fields.items():
        kind, path = field.annotation, f"{prefix}{name}"
        if inspect.isclass(kind) and hasattr(kind, "model_fields"):
            yield from _settings(kind, f"{path}.")
        else:
            value = field.get_default(call_default_factory=True)
            variable = "DATABASE_URL" if path == "database" else f"POTOMAC_{path.replace('.', '_').upper()}"
            shown = "" if value in ("", (), {}) else f"`{str(value).lower() if isinstance(value, bool) else value}`"
            yield f"`{path}`", f"`{variable}`", shown, field.description or ""


# The command ----------------------------------------------------------------------------------------------------


def command_page() -> str:
    """One section a command, from its own help."""
    from typer.main import get_command

    from potomac.cli.main import LATER, app

    group: Any = get_command(app)
    parts = [
        MADE,
        "# The command\n",
        "`potomac` and `python -m potomac` are the same. Results go to standard output, progress and errors to "
        "standard error. Each command tells about itself with `--help`.\n",
        _table(("exit code", "means"), EXIT_CODES),
        "Options before the command:\n",
        _options(group),
    ]
    for name, command in _commands(group):
        parts += [f"## potomac {name}\n", _help(command.help or ""), _usage(name, command), _options(command)]
    later = ", ".join(f"`{name}`" for name in LATER)
    parts.append(f"## Not in this version\n\n{later}: each says so and exits with 2.\n")
    return "\n".join(part for part in parts if part)


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """All commands, those of groups by both words."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield before + name, command


EXIT_CODES = (
    ("0", "done"),
    ("1", "something went wrong inside Potomac, or `doctor` found a fault; `--debug` shows where"),
    ("2", "the command or the study is wrong"),
    ("3", "the data is wrong"),
    ("4", "no answer could be computed"),
    ("130", "stopped on request"),
)


def _help(text: str) -> str:
    plain, _, example = inspect.cleandoc(text).partition("Example: ")
    lines = [" ".join(plain.split()) + "\n"]
    if example:
        lines.append(f"```sh\n{example.strip()}\n```\n")
    return "\n".join(lines)


def _usage(name: str, command: Any) -> str:
    words = [_argument(param) for param in command.params if param.param_type_name == "argument"]
    options = any(param.param_type_name == "option" for param in command.params)
    return f"Usage: `potomac {' '.join([name, *words])}{' [OPTIONS]' if options else ''}`\n"


def _argument(param: Any) -> str:
    shown = param.metavar or param.name.upper()
    return shown if param.required or shown.startswith("[") else f"[{shown}]"


def _options(command: Any) -> str:
    rows = []
    for param in command.params:
        if getattr(param, "hidden", False) or (param.param_type_name == "option" and "--help" in param.opts):
            continue
        if param.param_type_name == "argument":
            names = f"`{_argument(param)}`"
        else:
            value = "" if param.is_flag else f" {param.metavar or param.name.upper()}"
            names = ", ".join(f"`{name}{value if name.startswith('--') else ''}`" for name in param.opts)
        rows.append((names, getattr(param, "help", "") or "", _default(param)))
    return _table(("option", "does", "default"), rows) if rows else ""


def _default(param: Any) -> str:
    value = param.default
    plain = isinstance(value, str | int | float | Path) and not isinstance(value, bool)
    return f"`{value}`" if plain and str(value) else ""


# Studies --------------------------------------------------------------------------------------------------------


def study_page(kind: str, engine: Any) -> str:
    """Every key, every role, and the file that ``new`` writes."""
    from potomac.studies import scaffold

    parts = [
        MADE,
        f"# Study file: `{kind}`\n",
        f"{engine.summary}\n",
        "## Keys\n",
        _table(("key", "what it says", "type", "default"), _keys(engine.study, "")),
    ]
    for path, model in _tables_of(engine.study, ""):
        parts += [f"## Roles of `[{path}]`\n", _roles(model.model_construct(source="positions.csv").all_roles())]
    parts += [
        "## The file that `new` writes\n",
        f"`potomac new {kind}` writes this; `potomac schema {kind}` prints the JSON Schema.\n",
        f"```toml\n{scaffold.text(kind)}```\n",
    ]
    return "\n".join(parts)


def _keys(model: Any, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    from potomac.studies import fields

    for name, info in fields.keys(model).items():
        slot = fields.slot_of(info)
        default = "required" if info.is_required() else _shown(info)
        inner = None if "column name" in fields.words(slot) else fields.model_in(slot)
        key = f"{prefix}{name}"
        label = f"[[{key}]]" if inner and fields.is_list(slot) else f"[{key}]" if inner else key
        type_ = "table" if inner and not fields.is_list(slot) else fields.words(slot)
        yield f"`{label}`", _about(name, info), type_, "" if inner else default
        if inner is not None:
            yield from _keys(inner, f"{key}.")


def _about(name: str, info: Any) -> str:
    """What a key says; a key that every study has may leave that to ``Study``."""
    from potomac.spec import Study

    common = Study.model_fields.get(name)
    return str(info.description or (common.description if common else "") or "")


def _shown(info: Any) -> str:
    from potomac.studies.dump import literal

    value = info.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return "not set"
    try:
        return f"`{literal(value if not isinstance(value, tuple) else list(value))}`"
    except (TypeError, ValueError):
        return f"`{value}`"


def _tables_of(model: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Tables of a study by their keys, those inside of its parts too."""
    from potomac.spec import TableSpec
    from potomac.studies import fields

    for name, info in fields.keys(model).items():
        inner = fields.model_in(fields.slot_of(info))
        if inner is not None and issubclass(inner, TableSpec):
            yield f"{prefix}{name}", inner
        elif inner is not None:
            yield from _tables_of(inner, f"{prefix}{name}.")


def _roles(roles: Iterable[Any]) -> str:
    from potomac.units import BASE

    def span(role: Any) -> str:
        ends = ["" if end is None else f"{end:g}" for end in (role.low, role.high)]
        return " to ".join(ends) if any(ends) else ""

    rows = (
        (f"`columns.{r.name}`", r.meaning, r.kind, BASE.get(r.dimension, ""), span(r),
         ", ".join(f"{value:g}" for value in r.unknown), "yes" if r.required else "no")
        for r in roles
    )  # fmt: skip
    return _table(("role", "meaning", "type", "unit without `unit =`", "range", "means unknown", "needed"), rows)


# Errors ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """One place where an error is made."""

    module: str
    found: str
    expected: str
    mend: str
    exit: int | None


def codes() -> dict[str, list[Said]]:
    """Every error code in the source, with what is said where."""
    found: dict[str, list[Said]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        module = _Module(path)
        for call in module.calls:
            code = _code(call)
            if code:
                words = [module.words(arg, call) for arg in module.arguments(call)]
                for found_, expected, mend in _side_by_side(words):
                    said = Said(module.name, found_, expected, mend, module.exit(call))
                    found.setdefault(code, []).append(said)
    return dict(sorted(found.items()))


def _side_by_side(words: list[list[str]]) -> Iterator[tuple[str, ...]]:
    """The alternatives of found, expected and mend that go together; one that has no other stays."""
    longest = max(map(len, words))
    yield from zip(*([*some, *([some[-1]] * (longest - len(some)))] for some in words), strict=True)


def _code(call: ast.Call) -> str:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if not name.lower().strip("_").endswith(("fault", "faulty", "wrong", "error", "reject", "bad")):
        return ""
    given = [*call.args[:2], *(k.value for k in call.keywords if k.arg == "code")]
    words = [arg.value for arg in given if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    return next((word for word in words if CODE.fullmatch(word)), "")


Words = Callable[[int], list[str]]
"""What is said, from how deep a search it is asked."""


class _Module:
    """A module of the source: its calls, and what its names hold where they are used."""

    def __init__(self, path: Path) -> None:
        self.name = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        calls = [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]
        self.calls = sorted(calls, key=lambda node: (node.lineno, node.col_offset))
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """What a node stands in, from the inside."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def scope(self, node: ast.AST) -> ast.FunctionDef | None:
        """The innermost function around a node."""
        return next((one for one in self.above(node) if isinstance(one, ast.FunctionDef)), None)

    def arguments(self, call: ast.Call) -> list[ast.expr]:
        """What was found, expected, and how to mend it; an empty text for what is not given."""
        maker = self.functions.get(getattr(call.func, "id", ""))
        names = [arg.arg for arg in maker.args.args] if maker else ["code", "found", "expected", "mend"]
        named = dict(zip(names, call.args, strict=False)) | {k.arg: k.value for k in call.keywords if k.arg}
        return [named.get(key, ast.Constant("")) for key in ("found", "expected", "mend")]

    def exit(self, call: ast.Call, depth: int = 0) -> int | None:
        """The exit code: of the error around the fault, or of the one that whoever collects such faults raises."""
        for around in self.above(call):
            name = getattr(around.func, "id", "") if isinstance(around, ast.Call) else ""
            if name in EXITS:
                return EXITS[name]
        scope = self.scope(call)
        if scope is None or depth > MOST:
            return None
        raised = {
            getattr(n.exc.func, "id", "")
            for n in ast.walk(scope)
            if isinstance(n, ast.Raise) and isinstance(n.exc, ast.Call)
        }
        codes = {EXITS[name] for name in raised if name in EXITS}
        if len(codes) == 1:
            return codes.pop()
        return next(filter(None, (self.exit(one, depth + 1) for one in self._callers(scope))), None)

    def words(self, node: ast.expr, at: ast.AST, depth: int = 0) -> list[str]:
        """What an expression says, as written, with what is filled in as ``{name}``; all alternatives."""
        if isinstance(node, ast.Constant):
            return [node.value if isinstance(node.value, str) else ""]
        if isinstance(node, ast.JoinedStr):
            return ["".join(self._part(part) for part in node.values)]
        if isinstance(node, ast.IfExp):
            both = [*self.words(node.body, at, depth), *self.words(node.orelse, at, depth)]
            return [word for word in both if word] or [""]
        if isinstance(node, ast.BoolOp):
            return self.words(node.values[0], at, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return [a + b for a in self.words(node.left, at, depth) for b in self.words(node.right, at, depth)]
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "did_you_mean":
            return ['Did you mean "..."?']
        if isinstance(node, ast.Name) and depth < MOST:
            held = self._held(node.id, at, depth)
            if held:
                return held
        return ["{" + _short(node) + "}"]

    def _held(self, name: str, at: ast.AST, depth: int) -> list[str]:
        """What a name says where it is used: its last sure assignment before, or what callers hand in."""
        scope = self.scope(at)
        if scope is None:
            return []
        made = list(self._assigned(scope, name, at))
        chosen = [words for sure, words in made if sure][-1:] or [words for _, words in made[-1:]]
        if chosen:
            return chosen[0](depth + 1)
        names = [arg.arg for arg in (*scope.args.args, *scope.args.kwonlyargs)]
        if name not in names:
            return []
        given = (self._given(call, names, name, depth) for call in self._callers(scope))
        return list(dict.fromkeys(word for words in given for word in words))

    def _assigned(self, scope: ast.FunctionDef, name: str, at: ast.AST) -> Iterator[tuple[bool, Words]]:
        """Assignments to a name before ``at``: whether each is always passed on the way there, and what it says."""
        around, line = set(self.above(at)), getattr(at, "lineno", 0)
        nodes = [node for node in ast.walk(scope) if isinstance(node, ast.Assign) and node.lineno < line]
        for node in sorted(nodes, key=lambda node: node.lineno):
            sure = self.parents[node] in around
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    yield sure, partial(self.words, node.value, node)
                elif isinstance(target, ast.Tuple):
                    place = next((i for i, one in enumerate(target.elts) if getattr(one, "id", "") == name), None)
                    if place is not None and isinstance(node.value, ast.Tuple):
                        yield sure, partial(self.words, node.value.elts[place], node)
                    elif place is not None and isinstance(node.value, ast.Call):
                        yield sure, partial(self._returned, getattr(node.value.func, "id", ""), place)

    def _callers(self, scope: ast.FunctionDef) -> list[ast.Call]:
        return [one for one in self.calls if getattr(one.func, "id", getattr(one.func, "attr", "")) == scope.name]

    def _given(self, call: ast.Call, names: list[str], name: str, depth: int) -> list[str]:
        """What a call hands in for a parameter."""
        place = names.index(name) - (names[0] == "self")
        named = {k.arg: k.value for k in call.keywords}
        value = named.get(name) or (call.args[place] if place < len(call.args) else None)
        return self.words(value, call, depth + 1) if value is not None else []

    def _returned(self, function: str, place: int, depth: int) -> list[str]:
        """What a function of the module returns at one place of a tuple."""
        made = self.functions.get(function)
        returns = [n.value for n in ast.walk(made) if isinstance(n, ast.Return)] if made else []
        tuples = [value for value in returns if isinstance(value, ast.Tuple) and place < len(value.elts)]
        return [word for value in tuples for word in self.words(value.elts[place], value, depth)]

    def _part(self, part: ast.expr) -> str:
        if not isinstance(part, ast.FormattedValue):
            return str(part.value) if isinstance(part, ast.Constant) else ""
        if isinstance(part.value, ast.IfExp):
            words = self.words(part.value, part, MOST)
            return max(words, key=len)
        return self._constant(part.value) or "{" + _short(part.value) + "}"

    def _constant(self, node: ast.expr) -> str:
        """The value of a constant of the module: a number, a word, or names that are listed."""
        listed = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "listing" and len(node.args) == 1
        inner = node.args[0] if listed and isinstance(node, ast.Call) else node
        if not (isinstance(inner, ast.Name) and inner.id.isupper()):
            return ""
        value = self._written(inner.id)
        return ", ".join(map(str, value)) if not isinstance(value, int | float | str) else str(value)

    def _written(self, name: str) -> Any:
        """The value of a constant as it stands in the text, so that no module of a server is imported for it."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == name for target in node.targets):
                with contextlib.suppress(ValueError):
                    return ast.literal_eval(node.value)
        if self.name.startswith("potomac.server."):
            return f"{{{name.strip('_').lower()}}}"
        filled = f"{{{name}}}"  # a variable of a function, with the letter that it has in the mathematics
        return getattr(importlib.import_module(self.name), name, filled)


def _short(node: ast.expr) -> str:
    """A name for what is filled in."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return node.slice.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute) and node.args:
        return _short(node.args[0])  # shown(value), listing(names), len(rows)
    if isinstance(node, ast.Attribute):
        return node.attr.strip("_")
    walked = [n for n in ast.walk(node) if isinstance(n, ast.Attribute | ast.Name)]
    names = [n.attr if isinstance(n, ast.Attribute) else n.id for n in walked]
    return names[0].strip("_") if names else "..."


def errors_index(found: Mapping[str, list[Said]], about: Mapping[str, Any]) -> str:
    """All codes, one line each."""
    rows = ((f"[`{code}`]({code}.md)", about.get(code, {}).get("when", "")) for code in found)
    return "\n".join(
        [
            MADE,
            "# Errors\n",
            "An error names the file, line and key it is about, what was found, what was expected and how to mend it, "
            "one error a line:\n",
            '```text\nstudy.toml:14: data.columns.speed: no column "sog" in positions.csv; its columns are mmsi, t, '
            'lat, lon, speed. Did you mean "speed"?\n```\n',
            "With `--json` the same comes as JSON, with its code. Codes do not change; sentences may.\n",
            _table(("code", "when"), rows),
        ]
    )


def error_page(code: str, said: list[Said], about: Mapping[str, Any]) -> str:
    """One code: when it comes, what it says, what to do."""
    parts = [MADE, f"# `{code}`\n", f"{about.get('when', 'Not described yet.')}\n"]
    if about.get("mend"):
        parts.append(f"**What to do.** {about['mend']}\n")
    exits = sorted({entry.exit for entry in said if entry.exit} | {code for code in [about.get("exit")] if code})
    if exits:
        parts.append(f"Exit code: {', '.join(map(str, exits))}.\n")
    messages = list(dict.fromkeys(_message(entry) for entry in said))
    messages = [message for message in messages if message] + about.get("says", [])
    if messages:
        parts.append("What it says, with what is filled in between braces:\n")
        parts += [f"```text\n{message}\n```\n" for message in messages]
    return "\n".join(parts)


def _message(said: Said) -> str:
    words = (re.sub(r"(\{\w+\})\1", r"\1", part) for part in (said.found, said.expected, said.mend))
    found, expected, mend = ("" if re.fullmatch(r"\{[\w.]*\}", part) else part for part in words)
    sentence = "; ".join(part for part in (found, expected) if part)
    return f"{sentence}. {mend}" if mend and sentence else sentence or mend


# Facts ----------------------------------------------------------------------------------------------------------


def facts_page() -> str:
    """Every fact of every engine, from where it is made."""
    about = 'Named numbers of a run: `run.facts["name"]`, `run.json`, the report and `potomac show`.\n'
    parts = [MADE, "# Facts\n", about]
    for kind in _engines():
        rows = sorted(_facts(SOURCE / kind))
        parts += [f"## `{kind}`\n", _table(("fact", "meaning", "unit"), rows)]
    return "\n".join(parts)


def _facts(folder: Path) -> set[tuple[str, str, str]]:
    found = {}
    for path in sorted(folder.rglob("*.py")):
        module = _Module(path)
        for call in module.calls:
            if getattr(call.func, "id", "") != "Fact":
                continue
            given = dict(zip(FACT, call.args, strict=False)) | {k.arg: k.value for k in call.keywords if k.arg}
            names, meanings, units = (
                module.words(given[key], call) if key in given else [""] for key in ("name", "meaning", "unit")
            )
            for name, meaning, unit in _side_by_side([names, meanings, units]):
                found[name] = (f"`{name}`", meaning, unit)
    return set(found.values())


FACT = ("name", "value", "meaning", "low", "high", "unit", "source", "key", "label")


# The library ----------------------------------------------------------------------------------------------------


def public() -> dict[str, list[str]]:
    """Public names of each part that users import from."""
    found = {}
    for part in PARTS:
        module = importlib.import_module(f"potomac.{part}")
        found[f"potomac.{part}"] = [name for name in module.__all__ if not inspect.ismodule(getattr(module, name))]
    return found


def library_page() -> str:
    """The public names, rendered by mkdocstrings from their docstrings."""
    about = "`import potomac` loads nothing heavy; each part is loaded when it is first used.\n"
    parts = [MADE, "# The library\n", about]
    for part, names in public().items():
        module = importlib.import_module(part)
        parts += [f"## {part}\n", f"{inspect.cleandoc(module.__doc__ or '').splitlines()[0]}\n"]
        for name in names:
            value = getattr(module, name)
            home = getattr(value, "__module__", None) if inspect.isclass(value) or inspect.isfunction(value) else None
            place = f"{home}.{value.__qualname__}" if home and home.startswith("potomac") else f"{part}.{name}"
            parts.append(f"### `{name}`\n\n::: {place}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
