"""The page that compares an app's branches: which has which key."""
