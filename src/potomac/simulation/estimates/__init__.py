"""How long a model runs, what is left out, when it stops, and the intervals of its measures."""
