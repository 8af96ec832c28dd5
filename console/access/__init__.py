"""Actors, roles and permissions, and lookups that are the permission check."""
