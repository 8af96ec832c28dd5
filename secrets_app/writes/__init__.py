"""Saving secrets.

In the order in which a save runs: commands, validation, snapshots, save, batches, leases,
store_calls, endings. Besides: mirror repairs.
"""
