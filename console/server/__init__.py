"""How the server process starts: preparation, then gunicorn."""
