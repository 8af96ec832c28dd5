"""Reading an uploaded project in a process of its own, which has limits and knows no settings."""
