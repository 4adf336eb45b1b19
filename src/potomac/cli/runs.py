"""new, check, run, runs, show, report, schema, demo: each a thin door to ``potomac.studies``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from potomac.errors import Fault, PotomacError, StudyError

__all__ = ["register"]


def _kinds(incomplete: str) -> list[str]:
    from potomac.studies import registry

    return [kind for kind in registry.kinds() if kind.startswith(incomplete)]


def _runs(incomplete: str) -> list[str]:
    from potomac.studies import rundir

    found = [f"{path.parent.name}/{path.name}" for path in rundir.finished(Path("runs"))]
    names = sorted({name.split("/")[0] for name in found})
    return [name for name in (*names, *found) if name.startswith(incomplete)]


Kind = Annotated[str, typer.Argument(help="Which kind of question.", metavar="KIND", autocompletion=_kinds)]
StudyFile = Annotated[str, typer.Argument(help="The study file (TOML).", metavar="STUDY")]
RunName = Annotated[
    str,
    typer.Argument(help="A run: its directory, name, name/latest, id, or latest.", metavar="RUN", autocompletion=_runs),
]
Setting = Annotated[
    list[str] | None, typer.Option("--set", help="Change one key, as often as needed.", metavar="KEY=VALUE")
]
Out = Annotated[Path, typer.Option("--out", help="Directory of runs.", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Quietly = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; print only where the run is.")]
On = Annotated[str, typer.Option("--on", help="Where to compute: local (spark comes later).", metavar="WHERE")]


def new(
    kind: Kind,
    path: Annotated[Path | None, typer.Argument(help="File to write; default KIND.toml.", metavar="PATH")] = None,
) -> None:
    """Write a commented study file to begin with.

    Example: potomac new outliers study.toml
    """
    from potomac.studies import scaffold

    file = scaffold.new(kind, path)
    asked = "\nsource = " in file.read_text(encoding="utf-8")
    todo = "fill in the table's source and columns" if asked else "write your own values into it"
    print(f'Next: {todo}, then "potomac check {file}".')
    print(file)


def check(study: StudyFile, setting: Setting = None) -> None:
    """Say whether a study is right and what its tables hold.

    Example: potomac check study.toml
    """
    from potomac.cli import show
    from potomac.studies.check import check as checked

    loaded, found = checked(study, setting or [])
    print(show.checked(loaded, found))


def run(
    study: StudyFile,
    setting: Setting = None,
    out: Out = Path("runs"),
    on: On = "local",
    quiet: Quietly = False,
    as_json: Json = False,
) -> None:
    """Answer a study; print the finding, and where the run is.

    Example: potomac run study.toml --set seed=7
    """
    from potomac.cli import show
    from potomac.cli.progress import reporting
    from potomac.studies.run import run as answer

    _placed(on, quiet, as_json)
    with reporting(quiet) as progress:
        done = answer(study, out, setting or [], progress=progress)
    if as_json:
        sys.stdout.write((done.path / "run.json").read_text(encoding="utf-8"))
    else:
        print(done.path if quiet else show.finished(done))


def _placed(on: str, quiet: bool, as_json: bool) -> None:
    if quiet and as_json:
        raise StudyError(Fault("command.options", "--quiet and --json are given together", "expected one of them"))
    if on == "spark":
        found = "Spark is not in this version of Potomac"
        raise StudyError(Fault("command.later", found, "it computes on this machine", "Leave --on away", key="--on"))
    if on != "local":
        raise StudyError(
            Fault("command.options", f'"{on}" is no place to compute', "valid are local, spark", key="--on")
        )


def runs(out: Out = Path("runs"), as_json: Json = False) -> None:
    """List the runs, newest first, the stopped ones included.

    Example: potomac runs
    """
    from potomac.cli import show

    entries = show.entries(out)
    print(json.dumps(entries, indent=2, ensure_ascii=False) if as_json else show.listed(entries, out))


def show(run: RunName, out: Out = Path("runs"), as_json: Json = False) -> None:
    """Print the finding, facts and tables of a run.

    Example: potomac show strait/latest
    """
    from potomac.cli import show as shown
    from potomac.studies.opened import open_run

    found = open_run(run, out)
    if as_json:
        sys.stdout.write((found.path / "run.json").read_text(encoding="utf-8"))
    else:
        print(shown.whole(found))


def report(
    run: RunName,
    out: Out = Path("runs"),
    to: Annotated[
        Path | None, typer.Option("--to", help="Draw the report again, into this new file.", metavar="FILE")
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Print where the report of a run is.

    Example: potomac report strait/latest --open
    """
    from potomac.studies.opened import open_run
    from potomac.studies.present import write_again

    found = open_run(run, out)
    file = write_again(found, to) if to else found.report
    if not file.is_file():
        mend = "Draw it again with --to FILE"
        raise StudyError(Fault("run.damaged", "the run has no report.html", "", mend, str(found.path)))
    if open_it:
        typer.launch(file.resolve().as_uri())
    print(file)


def schema(kind: Kind) -> None:
    """Print the JSON Schema of a kind's study files.

    Example: potomac schema outliers > outliers.schema.json
    """
    from potomac.studies import scaffold

    print(json.dumps(scaffold.schema(kind), indent=2, ensure_ascii=False))


def demo(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(help="Only the examples of these kinds.", metavar="KIND", autocompletion=_kinds),
    ] = None,
    out: Out = Path("potomac-demo"),
    quiet: Quietly = False,
) -> None:
    """Run the example studies and print where their reports are.

    Example: potomac demo outliers --out examples
    """
    from potomac.cli.progress import reporting
    from potomac.studies.demo import demo as examples

    failed: list[PotomacError] = []
    done: list[Any] = []
    with reporting(quiet) as progress:
        for file, outcome in examples(out, progress, kinds or ()):
            if isinstance(outcome, PotomacError):
                print(f"{file}: {outcome}", file=sys.stderr)
                failed.append(outcome)
            else:
                done.append(outcome)
    _demo_end(done, failed)


def _demo_end(done: list[Any], failed: list[PotomacError]) -> None:
    from potomac.cli.text import paragraph

    if not done and not failed:
        raise StudyError(Fault("demo.none", "no engine here has an example", "", 'See "potomac doctor"'))
    for found in done:
        title = found.manifest["title"] or found.manifest["name"]
        print(f"{paragraph(title)}\n{paragraph(found.answer)}\n{found.report}\n")
    if failed:
        raise typer.Exit(failed[0].exit_code)


def register(app: typer.Typer) -> None:
    """Add these commands, in the order in which they are used."""
    for command in (new, check, run, runs, show, report, schema, demo):
        app.command()(command)
