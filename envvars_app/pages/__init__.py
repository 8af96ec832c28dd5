"""Views and forms of the pages for variables and build settings."""
