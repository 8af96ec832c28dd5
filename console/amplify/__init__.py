"""The boundary to AWS Amplify: the interface, its errors, the boto3 client and what was read."""
