"""The embedded parameter store: encrypted, in Branchkeep's own database."""
