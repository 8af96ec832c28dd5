"""What spans secrets and variables, by way of the environment registry alone."""
