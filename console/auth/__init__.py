"""Sign-in, second factors, single sign-on, sessions and rate limits."""
