"""Views and forms of the console's own pages."""
