"""Deployments of connected apps: what Amplify says of them, redeploying, what takes effect when."""
