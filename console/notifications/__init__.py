"""Email notifications: subscriptions, the outbox, delivery and the worker thread."""
