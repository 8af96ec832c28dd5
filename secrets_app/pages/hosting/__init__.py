"""Pages of self-managed hosting."""
