"""Saving secrets.

In the order in which a save runs: commands, validation, snapshots, leases, save; mirror repairs.
"""
