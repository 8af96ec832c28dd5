"""Orphans: parameters that no branch of an app uses, and moving them to the recycle bin."""
