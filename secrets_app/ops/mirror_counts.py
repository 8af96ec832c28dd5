"""Count the mirrors that need attention, over all apps, from the projection."""

from collections import Counter

from django.db.models import F

from console.lib.naming.names import PathProfile
from console.models import App
from secrets_app.locations import fits_path, mirror_state, scope_folders
from secrets_app.models import Secret

UNFINISHED = "unfinished"
_COLUMNS = ("version", "mirror_version", "mirror_of", "changed_by")


def counts() -> Counter[str]:
    """Return the number of mirrors by state (`mirror_state`), those in step left out.

    UNFINISHED are those that Branchkeep itself has not finished, whatever their state.
    """
    found: Counter[str] = Counter()
    on_branches = Secret.objects.filter(app__path_profile=PathProfile.BOTH, branch__isnull=False)
    in_step = {"version__gt": 0, "mirror_version__gt": 0, "mirror_of": F("version")}
    differing = on_branches.exclude(**in_step).exclude(version=0, mirror_version=0)
    for app in App.objects.filter(pk__in=differing.values("app_id")):
        folders = scope_folders(app, app.branches.all()).items()
        mirrors = {branch: folder for (branch, is_mirror), folder in folders if is_mirror}
        rows = differing.filter(app=app).values_list("branch_id", "key", "mirror_due_at", *_COLUMNS)
        for branch_id, key, due_at, *columns in rows.iterator():
            folder = mirrors.get(branch_id)
            if folder and fits_path(folder, key):
                found[UNFINISHED if due_at else mirror_state(*columns)] += 1
    return found
