"""Operation: health, logs, headers, static files, backup."""
