"""The pages of apps and branches: lists, Overview, settings, set-up, and the health check."""
