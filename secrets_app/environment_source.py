"""Secrets as a source of a branch's environment (`console.environment`)."""

from collections.abc import Mapping, Sequence

from console.access.policy import Access
from console.environment.sources import EffectiveKey, Origin
from console.models import Branch
from secrets_app.reveal import effective_secrets, reveal_all
from secrets_app.sync.reconciling import reconcile


class SecretSource:
    """Secrets: each value is revealed, so it needs the permission and is audited."""

    noun = "secret"
    is_confidential = True

    def effective_keys(self, access: Access, branch: Branch | None) -> Sequence[EffectiveKey]:
        """Return the keys that the branch gets, sorted, as of the last reconcile."""
        return [
            EffectiveKey(key, Origin.of(row.branch_id, branch))
            for key, row in effective_secrets(access, branch).items()
        ]

    def effective_values(self, access: Access, branch: Branch | None) -> Mapping[str, str]:
        """Reveal the secrets that the branch gets, by key: all of them, or none.

        Reconciles first, so that changes made outside Branchkeep count. Raises PermissionDenied if
        the permission is missing on any scope involved, or a StoreError.
        """
        app_id = access.app.app_id
        reconcile(actor=access.actor, app_id=app_id)
        revealed = reveal_all(actor=access.actor, app_id=app_id, branch=branch)
        return {key: value.reveal() for key, value in revealed.items()}
