"""Saving secrets, in the order in which a save runs: commands, validation, leases, save, messages."""
