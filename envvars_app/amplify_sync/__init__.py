"""Synchronize variables and build settings with Amplify: push, pull, and decide conflicts."""
