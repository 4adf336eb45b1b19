"""The queue and its worker."""
