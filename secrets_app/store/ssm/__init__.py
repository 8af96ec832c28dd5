"""AWS SSM Parameter Store, by boto3."""
