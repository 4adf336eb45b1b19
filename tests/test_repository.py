"""The repository: locks without addresses, files that speak of no machine, a wheel that holds what it should."""

from __future__ import annotations

import ast
import os
import re
import runpy
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src" / "potomac"
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
TOLD: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tracked() -> list[Path]:
    """Files of the repository; all files where it is no checkout."""
    try:
        words = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached"]
        names = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        names = [str(path.relative_to(ROOT)) for path in SRC.rglob("*") if "__pycache__" not in path.parts]
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def name_of(requirement: str) -> str:
    """The normalised name of a requirement (PEP 503)."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;@]", requirement, maxsplit=1)[0]).lower()


# Locks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_holds_names_versions_and_hashes_and_nothing_else(lock: Path) -> None:
    requirement = r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,_-]+\])?==[0-9][^\s;@/:]*( ; [\w .<>=!'()*]+)? \\"
    fingerprint = r"    --hash=sha256:[0-9a-f]{64}( \\)?"
    lines = lock.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(f"{requirement}|{fingerprint}", line)] == []
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        assert line.endswith("\\") == after.startswith("    --hash")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_no_lock_brings_torch_or_what_the_system_would_have_to_add(lock: Path) -> None:
    names = {name_of(line) for line in lock.read_text(encoding="utf-8").splitlines() if not line.startswith(" ")}
    assert not {name for name in names if re.match(r"torch|nvidia|triton|tensorflow|lightgbm", name)}


def pinned(lock: str) -> dict[str, str]:
    """Version by name."""
    lines = (ROOT / "requirements" / lock).read_text(encoding="utf-8").splitlines()
    found = [re.match(r"([^=\[]+)[^=]*==(\S+)", line) for line in lines if not line.startswith(" ")]
    return {name_of(match[1]): match[2] for match in found if match}


def test_the_lock_holds_all_that_pyproject_asks_for() -> None:
    project, groups = TOLD["project"], TOLD["dependency-groups"]
    extras = [r for asked in project["optional-dependencies"].values() for r in asked]
    asked = [*project["dependencies"], *extras, *(r for g in ("build", "test", "lint", "docs") for r in groups[g])]
    assert {name_of(r) for r in asked if not r.startswith("potomac")} <= set(pinned("all.lock"))
    peers = [r for r in groups["bench"] if isinstance(r, str)]
    rooms = [r for extra in ("outliers", "server") for r in project["optional-dependencies"][extra]]
    assert {name_of(r) for r in [*project["dependencies"], *rooms, *peers]} <= set(pinned("bench.lock"))


@pytest.mark.skipif(Path(sys.prefix) != ROOT / ".venv", reason="looks at what make setup has installed")
def test_what_is_installed_is_what_was_locked_with_hashes() -> None:
    text = "\n".join((ROOT / "requirements" / f"{lock}.lock").read_text() for lock in ("uv", "demo", "all"))
    locked = {(name_of(line), line.split("==")[1].split()[0]) for line in re.findall("^[a-z].*==.*", text, re.M)}
    found = {(name_of(one.metadata["Name"]), one.version) for one in metadata.distributions()}
    own = {"pip", "setuptools", "potomac"}  # the first two come with the virtual environment
    assert {name for name, _ in found - locked} <= own
    whole = [one for one in metadata.distributions() if name_of(one.metadata["Name"]) not in pinned("demo.lock")]
    needed = {name_of(asked) for one in whole for asked in one.requires or () if ";" not in asked}
    assert needed <= {name for name, _ in found}, "what a lock lacks would be added by hand, without hashes"


def test_what_is_measured_is_what_is_shipped() -> None:
    whole, bench = pinned("all.lock"), pinned("bench.lock")
    assert {name: bench[name] for name in whole.keys() & bench.keys()} == {
        name: whole[name] for name in whole.keys() & bench.keys()
    }


# Files ----------------------------------------------------------------------------------------------------------

MACHINE = re.compile(
    r"/work\b|/tmp/|/root/|/home/\w|[A-Z]:\\Users|"  # where somebody's files lie
    r"pypi\.org|pythonhosted|npmjs\.(org|com)|/simple/|artifactory|nexus\.|"  # registries
    r"localhost:\d|\b(10|192\.168|172\.(1[6-9]|2\d|3[01]))\.\d+\.\d+\.?\d*\b:\d"  # hosts of some network
)
KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|ghp_\w{36}|(?i:api[_-]?key)\s*[=:]\s*['\"]\w{16}")


def texts() -> Iterator[tuple[Path, str]]:
    """Every file of the repository that is text, but this one."""
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if path != Path(__file__).resolve():
            yield path, text


@pytest.mark.parametrize("pattern", [MACHINE, KEY], ids=["machines", "keys"])
def test_no_file_speaks_of_a_machine_or_holds_a_key(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{text[: match.start()].count(chr(10)) + 1}: {match[0]}"
        for path, text in texts()
        for match in pattern.finditer(text)
    ]
    assert found == []


def test_files_are_utf8_and_end_with_a_newline() -> None:
    binary = {".npz", ".png", ".gz", ".ico", ".woff2", ".parquet", ".zst"}
    for path in tracked():
        if path.suffix in binary or "vendor" in path.parts:
            continue
        data = path.read_bytes()
        data.decode("utf-8")
        assert data == b"" or data.endswith(b"\n"), path
        assert b"\r\n" not in data or path.suffix in {".csv"}, path


def test_no_made_file_is_kept() -> None:
    made = {"__pycache__", "site", "dist", "build", "runs", "node_modules", ".hypothesis"}
    made |= {".venv", ".venv-bench", ".venv-peers"}
    assert [path for path in tracked() if made & set(path.relative_to(ROOT).parts)] == []
    assert [path for path in tracked() if path.suffix in {".pyc", ".nbc", ".nbi", ".so"}] == []


@pytest.mark.parametrize("name", ["setup", "test", "demo", "bench", "lock", "lint", "docs"])
def test_make_has_the_commands_of_the_contract(name: str) -> None:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    words = ["make", "-C", str(ROOT), "help"]
    listed = subprocess.run(words, capture_output=True, text=True, check=True, env=environ).stdout
    assert re.search(rf"^  make {name} +\S", listed, re.M)


def test_continuous_integration_can_be_started() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text(encoding="utf-8")


def test_the_changelog_holds_all_changes() -> None:
    words = [sys.executable, str(ROOT / "scripts" / "changelog.py"), "--check"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_changes_are_gathered_by_version_and_kind(tmp_path: Path) -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "changelog.py"))
    for name, text in (("12.fixed", "- Late."), ("7.added", "One\nparagraph."), ("3.fixed", "- Early.\n- Too.\n")):
        (tmp_path / f"{name}.md").write_text(text)
    files = script["fragments"](tmp_path)
    assert [path.name for path in files] == ["3.fixed.md", "7.added.md", "12.fixed.md"]
    before = "# Changelog\n\nWhat changes.\n\n## 0.1.0\n\n### Added\n\n- The first.\n"
    after = script["gathered"](before, "0.2.0", files)
    assert after == (
        "# Changelog\n\nWhat changes.\n\n## 0.2.0\n\n### Added\n\n- One\n  paragraph.\n\n"
        "### Fixed\n\n- Early.\n- Too.\n- Late.\n\n## 0.1.0\n\n### Added\n\n- The first.\n"
    )
    assert script["gathered"](after, "0.2.0", files) == after
    assert script["gathered"](after, "0.2.0", []) == after  # released: nothing waits, nothing changes
    (tmp_path / "note.txt").write_text("")
    with pytest.raises(SystemExit, match=r"note\.txt"):
        script["fragments"](tmp_path)


# The package ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built by hatchling without network."""
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    kept = {path.relative_to(ROOT / "src").as_posix() for path in tracked() if path.is_relative_to(SRC)}
    assert kept <= set(wheel.namelist())
    for name in ("potomac/py.typed", "potomac/__init__.pyi", "potomac/geo/data/world-110m.npz"):
        assert name in wheel.namelist()
    told = (ROOT / "docs" / "reference" / "errors.toml").read_bytes()
    assert wheel.read("potomac/server/api/errors.toml") == told, "what the server's pages of errors say"
    assert [name for name in wheel.namelist() if name.startswith("potomac/report/static/")]
    assert [name for name in wheel.namelist() if name.startswith("potomac/report/templates/")]


def test_the_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    for name in wheel.namelist():
        assert name.startswith(("potomac/", "potomac-")), name
        assert not re.search(r"__pycache__|\.py[co]$|\.nb[ci]$|_cache/|/tests?/|\.orig$|~$", name), name
    assert sum(info.compress_size for info in wheel.infolist()) < 5_000_000


def test_the_wheel_says_who_it_is(wheel: zipfile.ZipFile) -> None:
    from potomac import __version__

    info = f"potomac-{__version__}.dist-info"
    told = wheel.read(f"{info}/METADATA").decode()
    assert f"\nVersion: {__version__}\n" in told
    assert "\nLicense-Expression: Apache-2.0\n" in told
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/NOTICE"} <= set(wheel.namelist())
    points = wheel.read(f"{info}/entry_points.txt").decode()
    assert "potomac = potomac.cli.main:main" in points
    assert "[potomac.engines]" in points


def test_the_package_works_from_the_wheel_alone(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)  # noqa: S202  # our own wheel
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import potomac; print(potomac.__file__)"
    code += "; from potomac.geo.basemap import outlines; print(len(outlines(10, 20, 12, 22)))"  # the Sahara
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(tmp_path / "potomac" / "__init__.py"), "1"]


def test_the_source_distribution_holds_what_its_tests_need(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(tmp_path)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    kept = {path.relative_to(ROOT).as_posix() for path in tracked()}
    assert {name for name in kept - names if not name.startswith((".", "docs/"))} == set()
    assert not {name for name in names if re.search(r"__pycache__|\.nb[ci]$|_cache/|node_modules", name)}


def test_the_version_stands_in_one_place() -> None:
    from potomac import __version__

    assert TOLD["project"]["dynamic"] == ["version"]
    places = [path for path, text in texts() if f'"{__version__}"' in text and path.is_relative_to(ROOT / "src")]
    assert places == [SRC / "__init__.py"]
    assert f"version = {__version__!r}" not in (ROOT / "pyproject.toml").read_text().replace('"', "'")
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert newest is not None
    assert newest[1] in (__version__, "Unreleased")


# What is imported -----------------------------------------------------------------------------------------------


def imports(path: Path, everywhere: bool) -> set[str]:
    """Roots of what a module imports: anywhere, or as soon as it is imported itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing = {id(n) for node in ast.walk(tree) if isinstance(node, ast.If) and is_typing(node) for n in ast.walk(node)}
    nodes = ast.walk(tree) if everywhere else iter(tree.body)
    found: set[str] = set()
    for node in nodes:
        if id(node) in typing:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"potomac"}


def is_typing(node: ast.If) -> bool:
    """Whether this is ``if TYPE_CHECKING``."""
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


HOMES = metadata.packages_distributions()
CORE = {name_of(requirement) for requirement in TOLD["project"]["dependencies"]}
EXTRAS = {
    name: {name_of(requirement) for requirement in asked}
    for name, asked in TOLD["project"]["optional-dependencies"].items()
}
GUESTS = {"pandas", "polars"}
"""Whose objects are taken where a user has them; never needed."""


PARTS = {"pydantic-core": "pydantic", "markupsafe": "jinja2", "threadpoolctl": "scikit-learn"}
"""What comes with another distribution always, as its documentation says."""


def distributions(roots: set[str]) -> set[str]:
    """Who ships the modules."""
    names = {name_of(HOMES[root][0]) if root in HOMES else root for root in roots}
    return {PARTS.get(name, name) for name in names}


MODULES = sorted(SRC.rglob("*.py"))


def test_all_that_is_imported_is_declared_and_all_that_is_declared_is_used() -> None:
    used = distributions(set().union(*(imports(path, everywhere=True) for path in MODULES)))
    declared = CORE | set().union(*EXTRAS.values()) - {"potomac"}
    assert used - GUESTS <= declared
    # DuckDB asks for the first whenever a column has a time zone, SQLAlchemy for the others by the name in an address
    # the password hasher of Django is named in its settings
    # methods of SALib are imported by the name that a user gives
    assert declared - used <= {"argon2-cffi", "pytz", "psycopg", "pymysql", "salib"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SRC)))
def test_a_room_needs_nothing_but_the_core_and_its_own_extra(path: Path) -> None:
    room = path.relative_to(SRC).parts[0]
    assert distributions(imports(path, everywhere=False)) <= CORE | EXTRAS.get(room, set())


def test_the_extra_of_everything_names_every_other() -> None:
    (everything,) = TOLD["project"]["optional-dependencies"]["all"]
    assert everything == f"potomac[{','.join(sorted(EXTRAS.keys() - {'all'}))}]"


def test_every_engine_has_its_extra_and_its_entry_point() -> None:
    for kind, place in TOLD["project"]["entry-points"]["potomac.engines"].items():
        assert place == f"potomac.{kind}.study:engine"
        assert kind in EXTRAS


def test_public_names_are_those_of_the_parts_that_are_there() -> None:
    import potomac

    there = {path.name for path in SRC.iterdir() if (path / "__init__.py").is_file()}
    there |= {path.stem for path in SRC.glob("*.py") if not path.stem.startswith("__")}
    assert set(potomac.__all__) == (there - {"cli", "server", "deploy", "client"}) | {"__version__"}
