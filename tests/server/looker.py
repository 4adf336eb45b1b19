"""A process that looks at files for the tests: each look in a fork of its own, with little memory and time.

On its standard input come lines of JSON (path, name, limits); for each it answers with a line: what the look told,
how the fork ended, and the most memory that it held, in MB.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Any

ADDRESSES_MB = 4096  # what allocators of libraries set aside and never touch counts here, and is a multiple
DATA_MB = 2048
SECONDS = 60


def main() -> None:
    """Answer until the input ends."""
    import duckdb  # noqa: F401  what a look needs is loaded once for all forks
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    from potomac.server.catalog.look import look

    pa.array([None])  # imports pandas, where there is one
    assert "django" not in sys.modules
    for line in sys.stdin:
        print(json.dumps(_forked(look, json.loads(line))), flush=True)


def _forked(look: Any, asked: dict[str, Any]) -> dict[str, Any]:
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(look, asked, there)
    os.close(there)
    with os.fdopen(here, "rb") as answer:
        text = answer.read()
    _, status, usage = os.wait4(child, 0)
    return {"told": json.loads(text) if text else None, "status": status, "mb": usage.ru_maxrss >> 10}


def _answer(look: Any, asked: dict[str, Any], out: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES_MB << 20,) * 2)
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_MB << 20,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with os.fdopen(out, "w", encoding="utf-8") as answer:
        json.dump(look(asked["path"], asked["name"], asked["limits"]), answer, allow_nan=False)
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
