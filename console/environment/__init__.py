"""The registry of environment sources: what each feature app adds to a branch's environment."""
