"""The database tables: users, apps, deployments, audit and more. None holds a secret value."""

from console.models.apps import App, Branch, Stage, check_branch_name, scope_name
from console.models.audit import AuditEvent, AuditOutcome, AuditSeal, MarkField, RefusedRequests
from console.models.connections import BranchConnection, Connection
from console.models.deployments import Deployment
from console.models.members import Invitation, Member, Suspension
from console.models.notes import KeyNote
from console.models.notifications import Notice
from console.models.previews import PreviewCopy, PreviewRule
from console.models.users import AccountLink, Session, User, UserManager
from console.models.warnings import DismissedWarning

__all__ = [
    "AccountLink",
    "App",
    "AuditEvent",
    "AuditOutcome",
    "AuditSeal",
    "Branch",
    "BranchConnection",
    "Connection",
    "Deployment",
    "DismissedWarning",
    "Invitation",
    "KeyNote",
    "MarkField",
    "Member",
    "Notice",
    "PreviewCopy",
    "PreviewRule",
    "RefusedRequests",
    "Session",
    "Stage",
    "Suspension",
    "User",
    "UserManager",
    "check_branch_name",
    "scope_name",
]
