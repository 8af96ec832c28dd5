"""Secrets of apps, branches and sandboxes. Their values exist only in the parameter store."""
