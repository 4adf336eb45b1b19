"""From a result and its figures to pictures, tables and one page that needs no network."""
