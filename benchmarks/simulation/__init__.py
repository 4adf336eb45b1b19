"""Benchmarks of the simulation engine, peers in the same run."""
