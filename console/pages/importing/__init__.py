"""The page that imports a text as secrets and variables, and its form."""
