"""A study read, answered, told and drawn, and asked again live."""
