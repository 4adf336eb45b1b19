"""Static files with their hash in the name where they have been collected, by their plain name where not."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage

__all__ = ["Storage"]


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """As WhiteNoise's; a server that starts without collected files still has its pages."""

    manifest_strict = False
