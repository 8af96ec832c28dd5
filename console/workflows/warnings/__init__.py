"""Warnings on an app's values and branches, and dismissing them."""
