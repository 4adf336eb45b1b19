"""Runs as text: the finding first, then facts, then where the files are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potomac.cli.text import columns, count, interval, number, paragraph
from potomac.studies import rundir

if TYPE_CHECKING:
    from potomac.studies.check import Found
    from potomac.studies.load import Loaded
    from potomac.studies.opened import Run

__all__ = ["checked", "entries", "finished", "listed", "whole"]


def finished(run: Run) -> str:
    """What ``run`` prints at its end; the last line is the run's directory."""
    parts = [
        _finding(run),
        _facts(run),
        _left_out(run),
        f"Report  {run.report}\nRun     {run.path.name}",
        str(run.path),
    ]
    return "\n\n".join(filter(None, parts))


def whole(run: Run) -> str:
    """What ``show`` prints: the same, with the meaning of each fact, the tables and the notes."""
    told = run.manifest
    meanings = "\n".join(paragraph(f"{_label(n, f)}: {f['meaning']}", "  ") for n, f in told["facts"].items())
    tables = columns([(name, count(t["rows"], "row"), ", ".join(t["columns"])) for name, t in told["tables"].items()])
    notes = "\n".join(paragraph(note, "  ") for note in told["notes"])
    about = f"{told['kind']} study {told['name']}, seed {told['seed']}, finished {told['finished']}"
    parts = [
        _finding(run),
        _facts(run),
        meanings,
        tables and f"Tables\n{tables}",
        notes and f"Notes\n{notes}",
        _left_out(run),
        f"{about}\nReport  {run.report}",
        str(run.path),
    ]
    return "\n\n".join(filter(None, parts))


def _finding(run: Run) -> str:
    title = run.manifest["title"]
    return "\n".join(paragraph(text) for text in (title, run.answer) if text)


def _label(name: str, fact: dict[str, Any]) -> str:
    return str(fact.get("label") or name.replace("_", " "))


def _facts(run: Run) -> str:
    facts = {name: run.fact(name) for name in run.manifest["facts"]}
    rows = [
        (
            _label(name, run.manifest["facts"][name]),
            f"{number(fact.value)} {fact.unit}".strip(),
            interval(fact.low, fact.high),
        )
        for name, fact in facts.items()
    ]
    return columns(rows)


def _left_out(run: Run) -> str:
    lines = []
    for name, rows in run.manifest["rows"].items():
        if rows["rejected"]:
            reasons = ", ".join(f"{reason}: {number(n)}" for reason, n in rows["reasons"].items())
            lines.append(
                paragraph(f"Left out of {name}: {number(rows['rejected'])} of {count(rows['read'], 'row')} ({reasons})")
            )
    return "\n".join(lines)


def entries(out: Path) -> list[dict[str, Any]]:
    """All runs below ``out`` as plain values: those that go on, stopped ones, finished ones; newest first."""
    found = [_entry(path) for path in rundir.finished(out)]
    found += [
        {"run": f"{s.name}/{s.run_id}", "status": s.status, "started": s.started, "answer": "", "command": s.command}
        for s in rundir.stopped(out)
    ]
    return sorted(found, key=lambda entry: str(entry["started"]), reverse=True)


def _entry(path: Path) -> dict[str, Any]:
    try:
        told = json.loads((path / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        told = {}
    if not isinstance(told, dict) or "status" not in told:
        told = {"status": "unreadable"}
    keys = ("status", "started", "answer", "command")
    return {"run": f"{path.parent.name}/{path.name}", **{key: str(told.get(key, "")) for key in keys}}


def listed(found: list[dict[str, Any]], out: Path) -> str:
    """The list of runs as text."""
    if not found:
        return f'No runs in {out} yet. Run a study: "potomac run study.toml".'
    lines = []
    for entry in found:
        when = str(entry["started"])[:16].replace("T", " ")
        told = str(entry["answer"]) or _what_next(entry)
        state = ", ".join(filter(None, (str(entry["status"]), when)))
        lines.append(f"{entry['run']}  {state}\n{columns([('', told)])}".rstrip())
    return "\n".join(lines)


def _what_next(entry: dict[str, Any]) -> str:
    if entry["status"] == "interrupted":
        return f"Start it again: {entry['command']}" if entry["command"] else "Start it again"
    return ""


def checked(loaded: Loaded, found: Iterable[Found]) -> str:
    """What ``check`` prints."""
    study = loaded.study
    parts = [paragraph(f"The study {study.name} of kind {study.kind} is right.")]
    for table in found:
        roles = [(role, column.column, _sample(table, role)) for role, column in table.columns.items()]
        seen = f"First {count(table.rows.num_rows + table.rejected, 'row')}: {number(table.rejected)} cannot be used."
        notes = "\n".join(paragraph(note, "  ") for note in table.notes)
        head = paragraph(f"[{table.name}] {table.source}")
        parts.append("\n".join(filter(None, [head, columns(roles, ("role", "column", "values")), notes, seen])))
    return "\n\n".join(parts)


def _sample(table: Found, role: str) -> str:
    if role not in table.rows.column_names:
        return ""
    values = table.rows.column(role).slice(0, 3).to_pylist()
    return ", ".join("null" if value is None else number(value) for value in values)
