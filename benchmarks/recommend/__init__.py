"""Benchmarks of the recommender engine, peers in the same run."""
