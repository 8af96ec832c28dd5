"""Reading an uploaded project in a separate process, which has limits and knows no settings."""
