"""Files as streams: decompressed by what they hold, and as UTF-8 whatever they are written in."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from potomac.errors import DataError
from potomac.tables import streams

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50)
PACKERS = {
    "": bytes, "gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress, "bz2": bz2.compress,
}  # fmt: skip


@pytest.mark.parametrize("name", PACKERS)
def test_compression_is_known_by_the_first_bytes(tmp_path: Path, name: str) -> None:
    path = tmp_path / "misleading.csv"
    path.write_bytes(PACKERS[name](b"text of a file" * 1000))
    assert streams.compression(path) == name
    assert streams.head(path, 7) == b"text of"
    assert len(streams.head(path, 10**9)) == 14_000


def test_parts_that_follow_each_other_are_one(tmp_path: Path) -> None:
    """gzip and zstd files may be joined; readers go on with the next part."""
    for pack in (gzip.compress, zstandard.ZstdCompressor().compress):
        (tmp_path / "a").write_bytes(pack(b"one") + pack(b"two"))
        assert streams.head(tmp_path / "a", 100) == b"onetwo"


@given(TEXT, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"]), st.integers(1, 9))
def test_text_comes_as_utf_8_in_pieces_of_any_size(tmp_path_factory, text: str, encoding: str, size: int) -> None:
    if text.startswith("\ufeff"):
        return  # a mark that is read as one
    path = tmp_path_factory.mktemp("streams") / "a.txt"
    path.write_bytes(text.encode(encoding))
    with streams.Text(path, encoding, "a.txt") as stream:
        parts = []
        while part := stream.read(size):
            assert len(part) <= size
            parts.append(part)
        assert b"".join(parts).decode() == text
        assert stream.quotes == text.count('"')
        assert stream.replaced == text.count("\ufffd")


def test_bytes_that_are_no_signs_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a\xffb\0c")
    with streams.Text(tmp_path / "a.txt", "utf-8", "a.txt") as stream:
        assert stream.read().decode() == "a\ufffdb\ufffdc"
        assert stream.replaced == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermissionError(13, "Permission denied"), "data.permission"),
        (FileNotFoundError(2, "No such file"), "data.source-missing"),
        (OSError("Truncated compressed stream"), "data.ends-early"),
        (OSError("zlib inflate failed: invalid block type"), "data.compression"),
        (OSError(5, "Input/output error"), "data.unreadable"),
    ],
)
def test_errors_of_the_disk_become_faults(error: OSError, code: str) -> None:
    with pytest.raises(DataError) as caught, streams.reading("a.csv"):
        raise error
    (fault,) = caught.value.faults
    assert (fault.code, "a.csv" in fault.found, bool(fault.mend)) == (code, True, True)
