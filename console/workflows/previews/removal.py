"""Remove the copies of a preview with its branch.

Someone who deletes a branch here chooses what is removed. If Amplify deleted it, as it does when a
pull request is closed, the copies are removed in the background. Its other values stay.
"""

from datetime import timedelta
from uuid import uuid4

import structlog
from django.db.models import Q
from django.utils import timezone

from console.access.actors import BACKGROUND
from console.access.policy import Access, Grant, Role
from console.environment.removal import id_of
from console.environment.sources import sources
from console.lib.service_calls import ServiceError
from console.models import App, Branch, PreviewCopy
from console.workflows import branch_removal
from console.workflows.previews.copies import copies_of

# In case Amplify soon has the branch again. Also the time between two attempts.
GRACE = timedelta(hours=1)

log = structlog.get_logger()


def up_to_date(access: Access, branch: Branch) -> set[str]:
    """Return the ids (`OwnValue.id`) of copies whose value the source has, too.

    They need no copy in the recycle bin. A copy that is out of date may be the last one with its
    value.
    """
    copies = copies_of(access, branch=branch).values()
    return {id_of(it.value.token) for it in copies if not it.is_outdated}


def kept_elsewhere(access: Access, branch: Branch) -> set[str]:
    """Return the same after checking the stores. Empty if one of them can't be read at once."""
    if not up_to_date(access, branch):
        return set()
    for source in sources():
        source.refresh(access)
        last = source.last_check(access)
        if last and (last.is_running or not last.is_reachable):
            return set()
    return up_to_date(access, branch)


def remove_copies_of_deleted() -> None:
    """Remove the copies of previews that were deleted a while ago, except by someone here.

    Takes one query if there are none. One process works on a branch at a time. What it can't
    remove, or is cut off from removing, is tried again later.
    """
    now = timezone.now()
    is_due = Q(branch__deleted_at__lte=now - GRACE) & (Q(retry_at=None) | Q(retry_at__lte=now))
    rows = PreviewCopy.objects.filter(is_due).order_by("branch_id")
    for branch_id in [*rows.values_list("branch_id", flat=True).distinct()]:
        due = PreviewCopy.objects.filter(branch_id=branch_id).filter(
            Q(retry_at=None) | Q(retry_at__lte=now)
        )
        if due.update(retry_at=now + GRACE):
            try:
                _remove(Branch.objects.select_related("app").get(pk=branch_id))
            except ServiceError as error:  # of a store; it is tried again
                log.warning("previews.not_removed", error=type(error).__name__)


def _remove(branch: Branch) -> None:
    if branch.deleted_at is None:  # it came back
        return
    access = Access(BACKGROUND, App.objects.get(pk=branch.app_id), (Grant(Role.OWNER),))
    # If another branch shares the parameters, they are its own, too.
    is_shared = bool(access.partners.get(branch))
    without_bin = set() if is_shared else kept_elsewhere(access, branch)
    copies = {} if is_shared else copies_of(access, branch=branch)
    progress = branch_removal.remove(
        access,
        branch,
        [it.value.token for it in copies.values()],
        uuid4(),
        without_copy=False,
        may_go_on=lambda: True,
        without_bin=without_bin,
    )
    if not (progress.has_failed or progress.left):
        PreviewCopy.objects.filter(branch=branch).delete()
