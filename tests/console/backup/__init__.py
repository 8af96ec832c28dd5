"""Tests of backups, restores, rotated keys and upgrades."""
