"""Tools for operators: doctor checks, metrics, quotas, call statistics and key rotation."""
