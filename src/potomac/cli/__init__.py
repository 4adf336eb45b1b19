"""The command ``potomac``: thin doors to ``potomac.studies``."""
