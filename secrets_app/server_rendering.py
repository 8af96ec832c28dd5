"""What a server-rendered app needs to read a branch's secrets at run time: folders and a policy.

Source: "Adding an SSR Compute role" in the AWS Amplify Hosting user guide, and "Restricting access
to Parameter Store parameters using IAM policies" in the AWS Systems Manager user guide.
"""

from dataclasses import dataclass
from typing import Any

from console.lib.naming.names import PathProfile
from console.models import App, Branch
from secrets_app.locations import scope_of
from secrets_app.paths import scope_location

# The beginning of a region's name, and its partition
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}

TRUST_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "amplify.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@dataclass(frozen=True)
class ComputeAccess:
    """The folders to read, the branch's own first, and the policy of the compute role."""

    folders: tuple[str, ...]
    policy: dict[str, Any]


def compute_access(app: App, branch: Branch | None) -> ComputeAccess:
    """Return what lets a compute role read a branch's secrets and those of All branches, no more.

    None is a branch without overrides. Raises InvalidPath for a branch that has no path in the
    app's profile.
    """
    profile = PathProfile(app.path_profile)
    scopes = [branch, None] if branch else [None]
    folders = tuple(scope_location(scope_of(app, scope), profile).primary for scope in scopes)
    return ComputeAccess(folders, _policy(app.region, folders))


def _policy(region: str, folders: tuple[str, ...]) -> dict[str, Any]:
    # No statement for KMS: the default key lets everyone in the account use it through SSM.
    partition = next(
        (name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws"
    )
    parameter = f"arn:{partition}:ssm:{region}:*:parameter"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["ssm:GetParametersByPath", "ssm:GetParameters", "ssm:GetParameter"],
                "Resource": [
                    f"{parameter}{folder}{end}" for folder in folders for end in ("", "/*")
                ],
            }
        ],
    }
