"""Benchmarks of the engine ``outliers``."""
