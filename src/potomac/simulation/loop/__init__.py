"""The event loop: a model as tables, compiled functions that read them, and what they count."""
