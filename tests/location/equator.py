"""Four places whose travel times can be followed by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

DEGREE = 6371.0088 * np.pi / 180
"""Km of a degree on the great circle: minutes at 60 km/h."""

EQUATOR = pa.table(
    {
        "id": ["a", "b", "c", "d"],
        "latitude": [0.0, 0.0, 0.0, 0.0],
        "longitude": [0.0, 1.0, 4.0, 5.0],
        "people": [1.0, 1.0, 1.0, 2.0],
    }
)
"""Four places on the equator. With two sites a (or b) serves a and b, d serves c and d: 2 degrees of ways."""

TRAVEL = {"model": "great_circle", "speed_kmh": 60}
