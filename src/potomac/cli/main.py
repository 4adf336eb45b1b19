"""Wires the commands; the one place that turns an error into text and an exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from potomac.cli import host, publish, runs
from potomac.cli.text import clean, error_json
from potomac.errors import Fault, PotomacError, StudyError

__all__ = ["app", "main"]

LATER = ("ingest", "deploy")
"""Commands that this version does not have yet."""

HELP = """Ask a question of a table of places and times; get an answer with its uncertainty, and a report.

A question is a study: one short file that names a table and a kind of question. To begin:

\b
  potomac new outliers study.toml     write a study file, each key explained
  potomac check study.toml            is it right, and does the table fit?
  potomac run study.toml              answer it; prints where the report is
  potomac demo                        or see the examples first
  potomac publish RUN --as NAME       put an answer where others can ask it
  potomac serve                       and serve it

Results go to standard output, progress and errors to standard error.
Exit codes: 0 done, 2 the command or the study is wrong, 3 the data is
wrong, 4 no answer could be computed, 130 stopped.
"""

app = typer.Typer(
    name="potomac",
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)


def _version(wanted: bool) -> None:
    if wanted:
        from potomac import __version__

        print(f"potomac {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the program an error came from.")] = False,
) -> None:
    pass


runs.register(app)
publish.register(app)
host.register(app)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (default: the program's) and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait leave the cores to others
    debug = _take(arguments, "--debug")
    _open_ends()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return _silent()
    except SystemExit as ended:  # typer turns a broken pipe into one
        if isinstance(ended.__context__, BrokenPipeError):
            return _silent()
        raise
    except KeyboardInterrupt:
        return _say("stopped", 130)
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _told(error, "--json" in arguments) if isinstance(error, PotomacError) else _unexpected(error)
    return code


def _open_ends() -> None:
    """Output that takes any sign, and goes nowhere where whoever called has closed it."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    with contextlib.suppress(AttributeError, ValueError):
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
        sys.stderr.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _take(arguments: list[str], flag: str) -> bool:
    """Take ``flag`` out of the arguments, wherever it stands before ``--``."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    found = flag in arguments[:end]
    if found:
        arguments.remove(flag)
    return found


def _run(arguments: list[str]) -> int:
    first = next((argument for argument in arguments if not argument.startswith("-")), "")
    if first in LATER:
        found = f'"{first}" is not in this version of Potomac'
        expected = "it comes with a later one; what there is: potomac --help"
        raise StudyError(Fault("command.later", found, expected))
    code = app(arguments, prog_name="potomac", standalone_mode=False)
    return code if isinstance(code, int) else 0


def _told(error: PotomacError, as_json: bool) -> int:
    for fault in error.faults:
        _say(str(fault), 0, prefix="" if fault.where else "potomac: ")
    if as_json:
        with contextlib.suppress(BrokenPipeError):
            print(error_json(error), flush=True)
    return error.exit_code


def _unexpected(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        _silent()
        return _say("the output cannot be written: no space left on device", 1)
    if hasattr(error, "format_message"):  # a wrong use of the command, as typer tells it
        return _usage(error)
    told = " ".join(str(error).split())[:300]
    found = f"an error inside Potomac ({type(error).__name__}{': ' if told else ''}{told})"
    return _say(f"{found}. Add --debug to see where; the data and earlier runs are as they were", 1)


def _usage(error: Exception) -> int:
    message = error.format_message()  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(message)
        return 2
    command = context.command_path if context is not None else "potomac"
    sentence = message if message.endswith("?") else f"{message.rstrip('.')}."
    return _say(f'{sentence} See "{command} --help"', int(getattr(error, "exit_code", 2)))


def _say(text: str, code: int, prefix: str = "potomac: ") -> int:
    with contextlib.suppress(BrokenPipeError, ValueError):
        print(clean(prefix + text), file=sys.stderr, flush=True)
    return code


def _silent() -> int:
    """Whoever read the output has gone; nothing more is written."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def names() -> Iterable[str]:
    """Names of all commands, for the tests of the documentation."""
    return [command.callback.__name__ for command in app.registered_commands if command.callback]


if __name__ == "__main__":
    sys.exit(main())
