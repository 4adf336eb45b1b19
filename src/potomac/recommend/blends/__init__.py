"""Several methods together, by how much is known."""
