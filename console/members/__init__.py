"""Members, groups, invitations, and which secrets a person has seen."""
