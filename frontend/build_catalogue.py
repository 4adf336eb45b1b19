"""Films of vega-datasets -> the catalogue in src/potomac/recommend/data (see README.md)."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

FILMS = 2000
"""The most seen ones, by what they took at the box office; the figure itself is left away."""

COLUMNS = {
    "genre": "Major Genre",
    "setting": "Creative Type",
    "source": "Source",
    "rating": "MPAA Rating",
    "director": "Director",
    "distributor": "Distributor",
    "minutes": "Running Time min",
}
"""Facts about a film, by their names in the source."""

NONE = {"Not Rated", "Open", "Multiple Creative Types"}
"""Words that say that nothing is known."""


def title_of(film: dict[str, Any]) -> str:
    """The title as it is written; the source has accents read in another code, articles behind and years."""
    title = str(film["Title"])
    if not title.isascii():
        with suppress(UnicodeError):  # a sign that the other code lacks is right as it is
            title = title.encode("mac_roman").decode("cp1252")
    title = re.sub(r"\s*\((19|20)\d\d\)$", "", title)
    return re.sub(r"^(.+), (The|A|An)$", r"\2 \1", title).strip()


def year_of(film: dict[str, Any]) -> int:
    """The year of release; the source, of 2010, has those before 1950 a hundred years too late."""
    year = int(film["Release Date"][-4:])
    return year if year <= 2011 else year - 100


def row_of(film: dict[str, Any]) -> dict[str, Any]:
    """A line of the catalogue, what is not known left empty."""
    told = {name: film[key] for name, key in COLUMNS.items()}
    known = {name: "" if value is None or value in NONE else value for name, value in told.items()}
    return {"title": title_of(film), "year": year_of(film), **known}


def chosen(films: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The most seen films with a title and a genre, each once; those called alike with their year."""
    seen: set[tuple[str, int]] = set()
    rows = []
    usable = [one for one in films if one["Title"] is not None and one["Major Genre"] and _taken(one) > 0]
    for film in sorted(usable, key=lambda one: (-_taken(one), str(one["Title"]))):
        row = row_of(film)
        key = (row["title"].casefold(), row["year"])
        if key not in seen:
            seen.add(key)
            rows.append(row)
    rows = rows[:FILMS]
    often = Counter(row["title"] for row in rows)
    return [{**row, "title": f"{row['title']} ({row['year']})"} if often[row["title"]] > 1 else row for row in rows]


def _taken(film: dict[str, Any]) -> float:
    gross = film["US Gross"]
    return float(gross) if isinstance(gross, int | float) else 0.0


def build(source: Path, target: Path) -> None:
    """Write films.csv.gz."""
    films = json.loads((source / "data" / "movies.json").read_text(encoding="utf-8"))
    text = io.StringIO()
    writer = csv.DictWriter(text, ["item", "title", "year", *COLUMNS], lineterminator="\n")
    writer.writeheader()
    writer.writerows({"item": number, **row} for number, row in enumerate(chosen(films), start=1))
    target.mkdir(parents=True, exist_ok=True)
    packed = gzip.compress(text.getvalue().encode(), 9, mtime=0)
    (target / "films.csv.gz").write_bytes(packed)


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
