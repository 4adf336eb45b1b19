"""From scores to what is shown: rules, variety, picks by hand."""
