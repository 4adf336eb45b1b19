"""Files that installed packages ship, which demos copy; the packages are not imported: that would load much more."""

from __future__ import annotations

from importlib.util import find_spec
from os.path import isfile

from potomac.errors import Fault, StudyError

__all__ = ["is_file", "shipped"]


def is_file(path: str) -> bool:
    """Whether a file is there; for engines, which know no disk but what they are given to write."""
    return isfile(path)


def shipped(package: str, place: str, what: str, version: str = "") -> str:
    """The path of a file inside an installed package.

    Args:
        package: its name, to import and to install.
        place: of the file inside it.
        what: "the real places": what it is to those who lack it.
        version: of the package that has the file, where others may not.

    Raises:
        StudyError: the package is not installed, or does not have the file.
    """
    spec = find_spec(package)
    for home in (spec.submodule_search_locations or []) if spec else []:
        if is_file(f"{home}/{place}"):
            return f"{home}/{place}"
    found = f"{what} of the demo come from the package {package}, which is not installed"
    wanted = f"{package}=={version}" if version else package
    mend = f"Install it without its dependencies: pip install {wanted} --no-deps"
    raise StudyError(Fault("demo.package-missing", found, "", mend))
