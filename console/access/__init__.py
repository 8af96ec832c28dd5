"""Who may do what: actors, roles and permissions, and lookups that are the permission check."""
