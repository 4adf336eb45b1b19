"""The method that does best on what is held out."""
