"""The pages of a user's own account: sign-in, preferences, sessions, and one-time links."""
