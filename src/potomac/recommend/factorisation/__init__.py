"""Users and items as points in a space of few dimensions."""
