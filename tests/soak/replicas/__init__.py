"""Consoles on one database and one parameter store, under load and killed with `kill -9`."""
