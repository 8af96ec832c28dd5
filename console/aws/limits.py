"""Time limits of every call to AWS. No boto3, which costs time and memory to import."""

CONNECT_TIMEOUT = 2.0  # seconds
READ_TIMEOUT = 5.0
DEADLINE = 10.0  # for a call, including its retries (guarantee 43)
SLOT_TIMEOUT = 1.0  # how long a call waits for its turn
MAX_ATTEMPTS = 3  # requests of one call: the first and botocore's retries
