"""Several methods at once."""

import numpy as np
import pytest

from potomac.errors import StudyError
from potomac.recommend.content import Content
from potomac.recommend.ease import EASE
from potomac.recommend.hybrid import Hybrid
from potomac.recommend.popular import Popular
from tests.recommend.manners import manners


@pytest.mark.parametrize("manner", manners(), ids=str)
def test_manners(manner):
    manner(Hybrid)
