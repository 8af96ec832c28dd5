"""Values of Amplify's self-managed hosting: the project of an app, and services for its values."""
