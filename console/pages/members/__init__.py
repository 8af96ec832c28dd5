"""The pages of an app's members: roles, invitations, and what people who left know."""
