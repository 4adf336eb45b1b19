"""Popularity."""

import pytest

from potomac.recommend import Popular

from .manners import Manner, manners


@pytest.mark.parametrize("manner", manners(similar=False, explains=False), ids=str)
def test_manners(manner: Manner) -> None:
    manner(Popular)
