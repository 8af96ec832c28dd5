"""Database backend details."""
