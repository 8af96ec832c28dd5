"""An app's Overview: what needs attention, its branches, recent changes, and the first steps."""
