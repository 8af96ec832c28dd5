"""Versions and restores of a secret, undo of change sets, the recycle bin, and explanations."""
