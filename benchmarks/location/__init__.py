"""Benchmarks of the location engine, peers in the same run."""
