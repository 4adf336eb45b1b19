"""A road network from an OpenStreetMap extract."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from potomac import tables
from potomac.errors import DataError, Fault
from potomac.location.travel.network import RoadNetwork
from potomac.tables import Role

__all__ = ["ROLES", "osm_network"]

ROLES = (
    Role("from", "text", "node where the piece of road begins"),
    Role("to", "text", "node where it ends"),
    Role("length", "number", "of the piece", "length", low=0),
    Role("class", "text", "the tag highway", nulls=True),
    Role("maxspeed", "text", "speed limit as it is tagged", required=False, nulls=True),
    Role("oneway", "text", "yes, -1 or no", nulls=True),
    Role("from_latitude", "number", "degrees north", "angle", -90, 90),
    Role("from_longitude", "number", "degrees east", "angle", -180, 180),
    Role("to_latitude", "number", "degrees north", "angle", -90, 90),
    Role("to_longitude", "number", "degrees east", "angle", -180, 180),
)
"""What is read of an extract: a row for each piece of road between two nodes."""


def osm_network(source: Any, *, largest_only: bool = True, **options: Any) -> RoadNetwork:
    """The roads of an OpenStreetMap extract on which cars may drive.

    An extract cuts roads at its border, and one-way roads then lead out of it or into it alone; so what does not hang
    together with the largest part in both directions is left out unless it is asked for.

    Args:
        source: path of the ``.osm.pbf`` file (or a glob of several, or a table with the same columns).
        largest_only: whether to leave out what is not in the largest part.
        **options: as of :class:`RoadNetwork`.

    Raises:
        StudyError: the package ``osmium`` is not installed (``pip install 'potomac[osm]'``), or an option is wrong.
        DataError: the file is no extract, damaged, or without roads.
    """
    try:
        links = tables.open(source, {}, ROLES, name="travel.links").to_arrow()
    except pa.ArrowException as error:
        said, expected = f"the source is {type(source).__name__}", "expected the path of an .osm.pbf, or a table"
        raise DataError(Fault("location.network", said, expected, key="travel.links")) from error
    return RoadNetwork(None, links, largest_only=largest_only, **options)
