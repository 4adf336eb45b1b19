"""Which bytes a table was read from: size and SHA-256 of its files, or of its content where it has none."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from potomac.tables.chunk import Source
from potomac.tables.streams import reading
from potomac.tables.values import plain

__all__ = ["files"]


def files(source: Source, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Name, size in bytes and SHA-256 of each file; of an object, those of the columns that were read."""
    found = source.files
    if not found:
        size, digest = _content(source, columns)
        return [{"file": source.label, "size": size, "sha256": digest, "of": "content"}]
    return [_file(path, label) for label, path in found]


def _file(path: Path, label: str) -> dict[str, Any]:
    with reading(label), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.seek(0, 2)
    return {"file": label, "size": size, "sha256": digest}


def _content(source: Source, columns: Sequence[str]) -> tuple[int, str]:
    """Bytes and hash of the values, column by column in chunks; the same for every way to hold the same values."""
    digest = hashlib.sha256(repr(list(columns)).encode())
    size = 0
    for chunk in source.chunks(columns):
        for column in chunk.columns:
            for part in _bytes(plain(column)):
                digest.update(part)
                size += len(part)
    return size, digest.hexdigest()


def _bytes(column: pa.Array) -> list[bytes]:
    valid = np.packbits(np.asarray(column.is_valid())).tobytes()
    kind = str(column.type).encode()
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    if pa.types.is_temporal(column.type):
        column = column.view(pa.int32() if column.type.bit_width == 32 else pa.int64())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return [kind, valid, column.fill_null(0).to_numpy(zero_copy_only=False).tobytes()]
    text = column if pa.types.is_string(column.type) else pa.array(list(map(str, column.to_pylist())), pa.string())
    lengths = pc.fill_null(pc.binary_length(text), 0).to_numpy(zero_copy_only=False).tobytes()
    return [kind, valid, lengths, _letters(text.fill_null(""))]


def _letters(text: pa.Array) -> bytes:
    """The bytes of all words, one after the other."""
    _, offsets, data = text.buffers()
    if data is None or not len(text):
        return b""
    ends = np.frombuffer(offsets, np.int32)[text.offset : text.offset + len(text) + 1]
    return bytes(memoryview(data)[ends[0] : ends[-1]])
