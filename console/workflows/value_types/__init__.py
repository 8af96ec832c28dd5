"""Types of keys: check what is stored, and take types over from a manifest."""
