"""What operators see of the store: doctor checks, gauges, quotas, call counts and key rotation."""
