"""Apps, branches, and notes on keys."""
