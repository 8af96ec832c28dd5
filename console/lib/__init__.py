"""Pure helpers without Django: names, branch patterns, row forms, CSV, dotenv and addresses."""
