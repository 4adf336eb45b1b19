"""The mean of a column, as an engine of Potomac."""
