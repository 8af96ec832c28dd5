"""Members of an app: roles, groups, invitations, and what each person has seen."""
