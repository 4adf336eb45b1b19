"""From a study to its answer: its model and tables, words, pictures, and live questions."""
