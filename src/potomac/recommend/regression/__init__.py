"""Items by the items that the same people had to do with."""
