"""Variables as a source of a branch's environment (`console.environment`)."""

from collections.abc import Mapping, Sequence

from console.access.policy import Access
from console.environment.sources import EffectiveKey, Origin
from console.models import Branch
from envvars_app.variables.queries import effective_values, own_variables


class VariableSource:
    """Environment variables: plain configuration, which every member may read."""

    noun = "variable"
    is_confidential = False

    def effective_keys(self, access: Access, branch: Branch | None) -> Sequence[EffectiveKey]:
        """Return the keys that the branch gets, sorted."""
        own = own_variables(access, branch)
        scope_id = branch.pk if branch else None
        return [
            EffectiveKey(key, Origin.of(scope_id if key in own else None, branch))
            for key in effective_values(access, branch)
        ]

    def effective_values(self, access: Access, branch: Branch | None) -> Mapping[str, str]:
        """Return the values that the branch gets, by key."""
        return effective_values(access, branch)
