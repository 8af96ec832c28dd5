"""Environment variables: plain values of apps and branches, kept in the database."""
