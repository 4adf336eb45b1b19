"""Items by what they are like."""

import numpy as np
import pyarrow as pa
import pytest

from potomac.errors import DataError, StudyError
from potomac.recommend.content import Content
from potomac.recommend.interactions import Histories, Interactions
from potomac.recommend.items import Items
from tests.recommend.manners import manners, small_world


@pytest.mark.parametrize("manner", manners(), ids=str)
def test_manners(manner):
    manner(lambda: Content(recency=5.0))
