"""Code that reads Django's settings for every other package: logging, signing and the base URL."""
