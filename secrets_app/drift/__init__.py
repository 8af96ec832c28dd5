"""Drift: secrets that changed outside Branchkeep, and deciding about each."""
