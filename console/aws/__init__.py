"""What every boto3 client shares: silent loggers, time limits, attempts and common error codes."""
