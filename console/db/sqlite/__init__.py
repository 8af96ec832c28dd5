"""The ENGINE of settings.DATABASES for SQLite."""
