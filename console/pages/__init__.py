"""Views and forms of the core's pages."""
