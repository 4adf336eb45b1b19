"""Static files with their hash in the name where they have been collected, by their plain name where not."""

from __future__ import annotations

from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage

__all__ = ["Storage"]


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """As WhiteNoise's; a server that starts without collected files still has its pages."""

    manifest_strict = False

    def hashed_name(self, name: str, content: Any = None, filename: str | None = None) -> str:
        """The name with the hash of the file; the plain name where there is no such file yet."""
        try:
            return str(super().hashed_name(name, content, filename))
        except ValueError:
            return name
