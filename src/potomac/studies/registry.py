"""kind -> Engine, from the entry points of all installed distributions.

Engines are found by name without importing them and loaded when asked for. One that is broken, doubled or of a
foreign interface is named and left out; the others work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from types import MappingProxyType

from potomac.engine import API, Engine
from potomac.errors import Fault, StudyError, did_you_mean, listing

__all__ = ["GROUP", "Listed", "engine", "engines", "faults", "forget", "install_command", "kinds", "listed"]

GROUP = "potomac.engines"


@dataclass(frozen=True, slots=True)
class Listed:
    """An engine as its distribution announces it."""

    kind: str
    distribution: str
    version: str
    points: tuple[metadata.EntryPoint, ...]

    @property
    def module(self) -> str:
        """The module that declares it, ``potomac.outliers.study``."""
        return self.points[0].module

    @property
    def package(self) -> str:
        """The package that holds its demo."""
        return self.module.rpartition(".")[0] or self.module


@cache
def listed() -> Mapping[str, Listed]:
    """All announced engines by kind, sorted; nothing is imported."""
    found: dict[str, dict[tuple[str, str], metadata.EntryPoint]] = defaultdict(dict)
    for point in metadata.entry_points(group=GROUP):
        name = point.dist.name if point.dist else "an unnamed distribution"
        found[point.name].setdefault((name, point.value), point)
    return MappingProxyType({kind: _listed(kind, found[kind]) for kind in sorted(found)})


def _listed(kind: str, points: Mapping[tuple[str, str], metadata.EntryPoint]) -> Listed:
    names = sorted({name for name, _ in points})
    first = next(iter(points.values()))
    return Listed(kind, " and ".join(names), first.dist.version if first.dist else "", tuple(points.values()))


def forget() -> None:
    """Look anew at what is installed."""
    listed.cache_clear()
    _load.cache_clear()


def kinds() -> tuple[str, ...]:
    """Names of all announced engines, sorted; nothing is imported."""
    return tuple(listed())


@cache
def _load(kind: str) -> Engine | Fault:
    entry = listed()[kind]
    who = f'the engine "{kind}" of the distribution {entry.distribution}'
    if len(entry.points) > 1:
        mend = "Uninstall one of them"
        return Fault("engine.doubled", f"{who} is declared {len(entry.points)} times", "expected one", mend, key=kind)
    try:
        value = entry.points[0].load()
    except ModuleNotFoundError as error:
        return _missing_module(entry, who, error)
    except Exception as error:  # a foreign package may fail in any way
        found = f"{who} cannot be loaded: {type(error).__name__}: {error}"
        return Fault("engine.broken", found, "", f"Update or uninstall {entry.distribution}", key=kind)
    return _checked(value, entry, who)


def _missing_module(entry: Listed, who: str, error: ModuleNotFoundError) -> Fault:
    if error.name and (error.name == entry.module or entry.module.startswith(f"{error.name}.")):
        found = f"{who} cannot be loaded: its module {error.name} is not there"
        return Fault("engine.broken", found, "", f"Reinstall {entry.distribution}", key=entry.kind)
    found = f"{who} needs the module {error.name}, which is not installed"
    return Fault("engine.extra-missing", found, "", f"Run {install_command(entry)}", key=entry.kind)


def install_command(entry: Listed) -> str:
    """The pip command that installs what the engine needs."""
    dist = entry.points[0].dist
    extras = dist.metadata.get_all("Provides-Extra") or [] if dist else []
    extra = next((name for name in (*entry.points[0].extras, entry.kind) if name in extras), "")
    return f'pip install "{entry.distribution}[{extra}]"' if extra else f'pip install "{entry.distribution}"'


def _checked(value: object, entry: Listed, who: str) -> Engine | Fault:
    api = getattr(value, "api", None)
    if api != API:
        older = isinstance(api, int) and api < API
        mend = (
            f"Update {entry.distribution}"
            if older
            else f"Update potomac, or install a {entry.distribution} made for it"
        )
        found = f"{who} is made for interface {api}"
        return Fault("engine.foreign-api", found, f"this Potomac has interface {API}", mend, key=entry.kind)
    if not isinstance(value, Engine):
        found = f"{who} is declared by a {type(value).__name__}"
        return Fault("engine.broken", found, "expected a potomac.engine.Engine", "", key=entry.kind)
    if value.kind != entry.kind:
        found = f'{who} calls itself "{value.kind}"'
        return Fault("engine.broken", found, "the two names must be one", "", key=entry.kind)
    return value


def engine(kind: str) -> Engine:
    """The engine called ``kind``.

    Raises:
        StudyError: there is none, or it cannot be used; the fault says why.
    """
    if kind not in listed():
        found = f'no kind is called "{kind}"'
        expected = f"the kinds here are {listing(kinds())}" if kinds() else "no engine is installed here"
        mend = did_you_mean(kind, kinds()) or ("" if kinds() else 'Run pip install "potomac[outliers]"')
        raise StudyError(Fault("study.kind-unknown", found, expected, mend, key="kind"))
    value = _load(kind)
    if isinstance(value, Fault):
        raise StudyError(value)
    return value


def engines() -> Mapping[str, Engine]:
    """All engines that can be used, by kind, sorted."""
    loaded = {kind: _load(kind) for kind in listed()}
    return MappingProxyType({kind: value for kind, value in loaded.items() if isinstance(value, Engine)})


def faults() -> tuple[Fault, ...]:
    """What is wrong with those that cannot be used, one fault each."""
    return tuple(value for value in map(_load, listed()) if isinstance(value, Fault))
