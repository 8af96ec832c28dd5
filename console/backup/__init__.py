"""Backups of the whole database, and restoring them. Layers: see pyproject.toml."""
