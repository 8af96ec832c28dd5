"""Saving secrets. In the order of a save: commands, validation, leases, save, mirror, messages."""
