"""Apps and branches."""
