"""Tests of drift: what changed outside Branchkeep."""
