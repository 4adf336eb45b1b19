"""Who had to do with what, as sparse matrices with ids."""
