"""The embedded, encrypted parameter store, in the console's own database."""
