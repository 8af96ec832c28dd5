"""The pages of apps and branches: lists, Overview, and their settings."""
