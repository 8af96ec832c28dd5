"""Backups of the whole database, and how one becomes a database again. Layers: pyproject.toml."""
