"""Build commands, read as a shell reads them: their folders, variables and secrets. Never run."""
