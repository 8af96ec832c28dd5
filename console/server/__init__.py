"""Start the server process, and configure gunicorn."""
