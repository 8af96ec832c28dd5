"""The lists of secrets and variables: queries, columns, rows in Jinja2, badges, and chips."""
