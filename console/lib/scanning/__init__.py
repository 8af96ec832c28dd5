"""Find the secrets and variables that the files of a project use. Pure: nothing is run."""
