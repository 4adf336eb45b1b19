"""Custom that own sites and rivals win, by Huff's model."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from potomac.location.gravity import Decay, huff
from potomac.location.journeys import Journeys
from potomac.location.placement import Placement
from potomac.location.question import Problem
from potomac.location.reading import Candidates

__all__ = ["market"]


def market(journeys: Journeys, placement: Placement, problem: Problem, whole: float) -> pa.Table | None:
    """A row a site, own ones first: its attractiveness, the custom that it wins, and the share of all custom.

    None where the problem is another than the share of the market. Who reaches no own site is not among the custom.

    Args:
        journeys: of the demand points that some candidate reaches.
        placement: the own sites.
        problem: how pull falls with the minutes, and that of staying at home.
        whole: all custom, those who reach no candidate included.
    """
    if problem.objective != "market_share":
        return None
    own, theirs = journeys.candidates.take(placement.sites), journeys.rivals
    minutes, pull, ids = [journeys.to(placement.sites)], [_pull(own)], own.id.to_pylist()
    if theirs is not None and journeys.rival_minutes is not None:
        minutes.append(journeys.rival_minutes)
        pull.append(_pull(theirs))
        ids += theirs.id.to_pylist()
    attractiveness, weight = np.concatenate(pull), journeys.demand.weight
    shares = huff(np.hstack(minutes), attractiveness, Decay(problem.distance_decay), staying=problem.staying)
    custom = weight @ shares
    return pa.table(
        {
            "site": pa.array(ids, pa.string()), "own": np.arange(len(ids)) < len(own),
            "attractiveness": attractiveness, "custom": custom, "share": custom / whole,
        }
    )  # fmt: skip


def _pull(sites: Candidates) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.ones(len(sites)) if sites.attractiveness is None else sites.attractiveness
