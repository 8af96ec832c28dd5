"""Names of apps and branches: which are valid, how they sort and match, and which look alike."""
