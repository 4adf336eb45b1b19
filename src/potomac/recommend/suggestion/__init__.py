"""Titles while somebody types."""
