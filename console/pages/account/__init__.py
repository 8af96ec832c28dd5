"""The pages of accounts: set-up, sign-in, one-time links, preferences and sessions."""
