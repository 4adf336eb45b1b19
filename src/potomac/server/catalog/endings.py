"""What a file that is brought may end in; known to who takes it, who looks at it, and nobody who reads it."""

from __future__ import annotations

__all__ = ["ENDINGS", "ending"]

ENDINGS = (".csv", ".csv.gz", ".csv.zst", ".parquet", ".jsonl", ".jsonl.gz", ".json", ".geojson", ".osm.pbf", ".pbf")


def ending(name: str) -> str:
    """Which of :data:`ENDINGS` a name has; empty where it has none."""
    folded = name.casefold()
    return next((one for one in sorted(ENDINGS, key=len, reverse=True) if folded.endswith(one)), "")
