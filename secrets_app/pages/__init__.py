"""Views and forms of the secrets' pages."""
