"""Previews: what they would take from their sources, and what was copied to them."""
