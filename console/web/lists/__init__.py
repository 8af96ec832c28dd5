"""The lists of secrets and variables: queries, columns, rows in Jinja2, and badges."""
