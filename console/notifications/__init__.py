"""Mail about events that members chose: the outbox, delivery and the worker."""
