"""Trials: people with what they did last left out, and their histories cut to many lengths, to learn weights from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from potomac.recommend.matrix.interactions import Histories, Interactions

__all__ = ["Trials", "trials_of"]

Ints = npt.NDArray[np.int64]

PEOPLE = 3000
"""Most people whose last interaction is left out."""
EACH = 1000
"""Most people of a step of evidence."""


@dataclass(frozen=True, eq=False)
class Trials:
    """Choices that people made last.

    Attributes:
        train: the interactions without those choices.
        steps: for each step of evidence, people with a history of its length; then people with theirs as it is.
        whole: for each step, all that these people had but for the choice: nothing of it is compared with the choice.
        chosen: for each step, the item number of each person's choice.
    """

    train: Interactions
    steps: tuple[Histories, ...]
    whole: tuple[Histories, ...]
    chosen: tuple[Ints, ...]


def trials_of(interactions: Interactions, lengths: Ints, seed: int) -> Trials | None:
    """Leave out the last choice (without times, one at random) of people with two or more.

    Args:
        interactions: of everybody.
        lengths: shortest history of each step, ascending from 0, shape (s,); a longer history than the next step's
            shortest is cut to its latest entries. With one step alone histories are as they are.
        seed: of the draw of people, choices and lengths.

    Returns:
        None where nobody has two.
    """
    rng = np.random.default_rng(seed)
    able = np.flatnonzero(interactions.of_users > 1)
    if not len(able):
        return None
    people = np.sort(rng.permutation(able)[:PEOPLE])
    age = _age(interactions, rng)
    entry = np.repeat(np.arange(interactions.n_users), interactions.of_users)
    held = np.isin(entry, people) & (age == 0)
    liked = interactions.values >= np.median(interactions.values) if interactions.rated else np.ones(len(held), bool)
    people = entry[held & liked]
    if not len(people):
        return None
    last = interactions.indices[held & liked].astype(np.int64)
    train = interactions.keep(~held)
    age = age[~held] - 1
    steps, whole, chosen = [], [], []
    bounds = [*zip(lengths, [*lengths[1:], None], strict=True), (0, None)] if len(lengths) > 1 else [(0, None)]
    for shortest, longest in bounds:
        fit = np.flatnonzero(train.of_users[people] >= shortest)
        fit = np.sort(rng.permutation(fit)[:EACH])
        full = train.histories(people[fit])
        if longest is not None:
            most = rng.integers(shortest, longest, len(fit))
            steps.append(_cut(full, age, train, people[fit], most))
        else:
            steps.append(full)
        whole.append(full)
        chosen.append(last[fit])
    return Trials(train, tuple(steps), tuple(whole), tuple(chosen))


def _age(interactions: Interactions, rng: np.random.Generator) -> Ints:
    """How many later entries the person has, shape (nnz,); without times, in an order drawn at random."""
    entry = np.repeat(np.arange(interactions.n_users), interactions.of_users)
    tie = rng.random(interactions.nnz)
    keys = (tie, entry) if interactions.times is None else (tie, interactions.times, entry)
    order = np.lexsort(keys)
    age = np.empty(interactions.nnz, np.int64)
    age[order] = interactions.indptr[1:][entry] - 1 - np.arange(interactions.nnz)
    return age


def _cut(full: Histories, age: Ints, train: Interactions, people: Ints, most: Ints) -> Histories:
    """Histories of their latest ``most`` entries; who lost some is as somebody new."""
    at = np.repeat(train.indptr[people] - full.indptr[:-1], full.lengths) + np.arange(len(full.indices))
    kept = age[at] < np.repeat(most, full.lengths)
    indptr = np.concatenate(([0], np.cumsum(kept)))[full.indptr]
    times = None if full.times is None else full.times[kept]
    rows = np.where(np.diff(indptr) < full.lengths, -1, full.rows)
    return replace(full, indptr=indptr, indices=full.indices[kept], values=full.values[kept], times=times, rows=rows)
