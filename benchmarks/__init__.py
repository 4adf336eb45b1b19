"""Potomac measured beside its peers: ``make bench``, or ``python -m benchmarks [NAME ...]`` with them installed."""
