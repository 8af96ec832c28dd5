"""Saving secrets.

In the order in which a save runs: commands, validation, snapshots, save, batches, own_attempts,
leases, bin_copies, store_calls, endings. Besides: messages, mirror repairs, and encrypting.
"""
