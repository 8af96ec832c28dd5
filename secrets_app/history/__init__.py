"""Versions of a secret: list them, compare two, restore one, undo a change set."""
