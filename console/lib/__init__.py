"""Pure helpers without Django: names, branch patterns, CSV, dotenv and other formats."""
