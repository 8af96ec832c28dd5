"""The audit trail: events, the hash chain over them, triggers, forwarding, queries and export."""
