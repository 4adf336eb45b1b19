"""Statistics that every engine needs: keyed random streams, intervals, the bootstrap."""
