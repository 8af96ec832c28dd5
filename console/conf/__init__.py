"""What reads Django's settings for every other package: logging and signing."""
