"""The registry of environment sources, and what each feature app tells and does through it."""
