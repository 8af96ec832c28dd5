"""Synchronizing variables and build specifications of connected apps with Amplify."""
