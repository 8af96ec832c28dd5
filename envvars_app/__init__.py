"""Environment variables and build settings of apps and branches, kept in the database."""
