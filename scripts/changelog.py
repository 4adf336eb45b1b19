"""Gather the files of changes.d into CHANGELOG.md, under the version that is being made.

With ``--check``, write nothing and exit with 1 where the changelog lacks something; with ``--release``, also remove the
files that were gathered.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHANGELOG, CHANGES = ROOT / "CHANGELOG.md", ROOT / "changes.d"
KINDS = ("added", "changed", "fixed", "removed")
NAME = re.compile(rf"(\d+)\.({'|'.join(KINDS)})\.md")


def main() -> int:
    """Write the changelog, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where something is missing")
    parser.add_argument("--release", action="store_true", help="remove the files that were gathered")
    asked = parser.parse_args()
    files = fragments(CHANGES)
    before = CHANGELOG.read_text(encoding="utf-8") if CHANGELOG.is_file() else "# Changelog\n"
    after = gathered(before, version(), files)
    if asked.check:
        if before != after:
            print("CHANGELOG.md lacks something of changes.d; `make changelog` writes it", file=sys.stderr)
        return int(before != after)
    CHANGELOG.write_text(after, encoding="utf-8")
    for path in files if asked.release else ():
        path.unlink()
    return 0


def version() -> str:
    """The version in the package."""
    text = (ROOT / "src" / "potomac" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.M)
    if found is None:
        raise SystemExit("src/potomac/__init__.py states no version")
    return found[1]


def fragments(folder: Path) -> list[Path]:
    """The files to gather, by issue; a file of another name is an error."""
    files = [path for path in folder.iterdir() if path.name != "README.md"]
    wrong = [path.name for path in files if not NAME.fullmatch(path.name)]
    if wrong:
        raise SystemExit(f"changes.d/{wrong[0]}: expected <issue>.<kind>.md, kind one of {', '.join(KINDS)}")
    return sorted(files, key=lambda path: (int(path.name.split(".")[0]), path.name))


def gathered(text: str, name: str, files: list[Path]) -> str:
    """``text`` with the section of version ``name`` made of ``files``; as it is where there are none."""
    if not files:
        return text
    parts = [f"## {name}\n"]
    for kind in KINDS:
        told = [path.read_text(encoding="utf-8").strip() for path in files if path.name.endswith(f".{kind}.md")]
        if told:
            parts.append(f"### {kind.capitalize()}\n\n" + "\n".join(map(_points, told)) + "\n")
    head, *sections = re.split(r"^(?=## )", text, flags=re.M)
    others = [section for section in sections if section.split("\n", 1)[0] != f"## {name}"]
    return "\n".join([head.rstrip() + "\n", *parts, *(section.rstrip() + "\n" for section in others)])


def _points(text: str) -> str:
    return text if text.startswith("- ") else "- " + text.replace("\n", "\n  ")


if __name__ == "__main__":
    sys.exit(main())
