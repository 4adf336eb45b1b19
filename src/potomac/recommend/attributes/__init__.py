"""Items by what they are like."""
