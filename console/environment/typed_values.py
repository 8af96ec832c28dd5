"""Remarks on typed and imported values: on the value itself, and on its host.

Only production's own values are checked for hosts of other environments, because production may
override a value for All branches. docs/warnings.md has the rules.
"""

import json
from collections.abc import Iterator
from functools import lru_cache

from console.access.policy import Access
from console.lib.naming.environments import Environments, host_of
from console.lib.naming.lookalikes import spell_out
from console.lib.text.invisible import invisible_parts
from console.lib.text.remarks import Remarks, sentence
from console.models import Branch

_environments = lru_cache(maxsize=100)(Environments)  # names of branches rarely change


def environments_of(access: Access) -> tuple[Branch, Environments] | None:
    """Return the production branch and the app's environments; None without such a branch."""
    live = [branch for branch in access.branches if branch.deleted_at is None]
    production = next((branch for branch in live if branch.production), None)
    if production is None:
        return None
    others = tuple(branch.name for branch in live if branch != production)
    return production, _environments(production.name, others)


def describe(access: Access, remarks: Remarks, branch: Branch | None, key: str, value: str) -> str:
    """Return a remark on a value for a branch, or "". A branch of None is All branches."""
    return sentence(*invisible_parts(value), *risks(access, remarks, branch, key, value))


def risks(
    access: Access, remarks: Remarks, branch: Branch | None, key: str, value: str
) -> Iterator[str]:
    """Yield what may go wrong, in words that follow "The value". Some may be ""."""
    yield from remarks.risks(value)
    yield host_risk(access, branch, key, value)


def host_risk(access: Access, branch: Branch | None, key: str, value: str) -> str:
    """Return words that say that the value has a host of another environment, or ""."""
    if branch is None or not branch.production or not (host := host_of(key, value)):
        return ""
    found = environments_of(access)
    if found is None or found[0].pk != branch.pk:
        return ""
    name = found[1].named_by(key, host)
    return f"has a host that names {spell_out(name)}" if name else ""


def rules_as_json(access: Access, remarks: Remarks) -> str:
    """Return the rules for static/js/manage/unseen.js."""
    rules = dict(remarks.rules)
    if found := environments_of(access):
        production, environments = found
        rules["hosts"] = {"production": str(production.pk), **environments.rule}
    return json.dumps(rules)
