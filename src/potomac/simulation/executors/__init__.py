"""Replications of a model, by the loop or by recursions, and the measures that they give."""
