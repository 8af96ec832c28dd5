"""Views and forms of the pages of variables and build settings."""
