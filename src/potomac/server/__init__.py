"""The product: a server on which answers are published, asked and kept."""
