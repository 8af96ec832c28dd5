"""Apps and their branches."""
