"""An app's build settings: read, save, remove, restore, and lines that write variables to a file.

Everybody in the app sees them. Who writes needs WRITE on the scope: All branches is the app's
own, a branch has an override or inherits that. Each function raises Http404 for what the actor
can't see, PermissionDenied for what he may not (and records it), Conflict where the settings are
no longer at the version `base`, and ValidationError (with a message for people) for the rest.
"""

from dataclasses import dataclass

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import Access, Permission, find_app, find_branch
from console.audit.events import Action, Target, recording, refuse
from console.models import App, Branch, scope_name
from envvars_app.buildspec import DEFAULT
from envvars_app.buildspec.checking import check, errors
from envvars_app.buildspec.inserting import CannotInsert, insert
from envvars_app.buildspec.reading import Unreadable
from envvars_app.buildspec.recipes import Recipe, RecipeRefused
from envvars_app.models import BuildSpec, BuildSpecVersion
from envvars_app.variables.queries import found_by_builds

SUBJECT = "Build settings"


class Conflict(Exception):
    """Someone wrote the settings meanwhile; `current` is what there is now."""

    code = "conflict"

    def __init__(self, current: "Settings") -> None:
        self.current = current
        super().__init__(current.scope)

    @property
    def sentence(self) -> str:
        """Say who it was, and when."""
        row = self.current.own
        if row is None:
            return "The build settings for All branches changed after you opened this page."
        verb = "removed" if row.removed_at else "changed"
        when = naturaltime(row.changed_at)
        return f"{row.changed_by} {verb} these build settings {when} (now version {row.version})."


@dataclass(frozen=True)
class Settings:
    """What a scope's builds use. `own` is the scope's row, were it removed; `source` whose text.

    Without a source it is the default, which nobody saved yet.
    """

    branch: Branch | None
    own: BuildSpec | None
    source: BuildSpec | None

    @property
    def branch_id(self) -> int | None:
        """Return the branch's id, None for All branches."""
        return self.branch.pk if self.branch else None

    @property
    def scope(self) -> str:
        """Return what people call it."""
        return scope_name(self.branch)

    @property
    def text(self) -> str:
        """Return the specification."""
        return self.source.text if self.source else DEFAULT

    @property
    def base(self) -> int:
        """Return the version that the next write of this scope is based on; 0 for none."""
        return self.own.version if self.own else 0

    @property
    def is_own(self) -> bool:
        """Say whether it was saved for this very scope."""
        return self.source is not None and self.source == self.own


def find_scope(access: Access, branch_id: int | None) -> Branch | None:
    """Return a branch of the app, or None for All branches. Raises Http404."""
    return None if branch_id is None else find_branch(access, branch_id)


def settings_of(app: App, branch: Branch | None) -> Settings:
    """Return what a scope's builds use: its own, else that of All branches, else the default."""
    rows = {row.branch_id: row for row in app.build_specs.filter(Q(branch=None) | Q(branch=branch))}
    own = rows.get(branch.pk if branch else None)
    live = [row for row in (own, rows.get(None)) if row and row.removed_at is None]
    return Settings(branch, own, live[0] if live else None)


def scopes_of(app: App) -> list[tuple[Branch, bool]]:
    """Return the branches, each with whether it has an override; deleted ones only with one."""
    overriding = set(app.build_specs.filter(removed_at=None).values_list("branch_id", flat=True))
    return [
        (branch, branch.pk in overriding)
        for branch in app.branches.all()
        if branch.deleted_at is None or branch.pk in overriding
    ]


def versions_of(settings: Settings) -> QuerySet[BuildSpecVersion]:
    """Return the versions of a scope, newest first."""
    return BuildSpecVersion.objects.filter(build_spec=settings.own).order_by("-version")


def find_version(access: Access, pk: int) -> BuildSpecVersion:
    """Return a version of any of the app's scopes. Raises Http404."""
    versions = BuildSpecVersion.objects.select_related("build_spec__branch")
    found = versions.filter(pk=pk, build_spec__app=access.app).first()
    if found is None:
        raise Http404("Version not found.")
    return found


def save(
    *, actor: Actor, app_id: str, branch_id: int | None, text: str, base: int, note: str = ""
) -> BuildSpec:
    """Save a scope's specification. `base` is the version that its page was rendered with."""
    access = find_app(actor, app_id)
    branch = find_scope(access, branch_id)
    _require(access, branch, Action.BUILD_CHANGED)
    if branch and branch.deleted_at:
        raise ValidationError("This branch was deleted, so nothing is built from it.")
    if wrong := errors(check(text)):
        raise ValidationError([f"Line {problem.line}: {problem.message}" for problem in wrong[:20]])
    return _write(access, branch, text, base, note)


def remove(*, actor: Actor, app_id: str, branch_id: int | None, base: int) -> BuildSpec:
    """Remove a scope's specification: a branch inherits again, All branches has the default."""
    access = find_app(actor, app_id)
    branch = find_scope(access, branch_id)
    _require(access, branch, Action.BUILD_REMOVED)
    if not settings_of(access.app, branch).is_own:
        raise ValidationError(f"{scope_name(branch)} has no build settings of its own to remove.")
    return _write(access, branch, None, base)


def restore(*, actor: Actor, app_id: str, pk: int, base: int) -> BuildSpec:
    """Save the text of an earlier version again."""
    version = find_version(find_app(actor, app_id), pk)
    if version.text is None:
        raise ValidationError("This version is a removal and has no text. Choose another one.")
    return save(
        actor=actor,
        app_id=app_id,
        branch_id=version.build_spec.branch_id,
        text=version.text,
        base=base,
        note=f"restored from version {version.version}",
    )


@dataclass(frozen=True)
class Piping:
    """Which variables go into which kind of file, and where."""

    recipe: Recipe
    names: tuple[str, ...] = ()
    prefix: str = ""
    folder: str = ""
    app_root: str = ""


def chosen(access: Access, settings: Settings, piping: Piping) -> list[str]:
    """Return the names that are chosen, one by one or by how they begin. Raises RecipeRefused."""
    keys = [found.key for found in found_by_builds(access, settings.branch)]
    if missing := [name for name in piping.names if name not in keys]:
        raise RecipeRefused(
            f"The variable “{missing[0]}” no longer exists on {settings.scope}. Choose again.",
            "names",
        )
    begun = [key for key in keys if piping.prefix and key.startswith(piping.prefix)]
    if piping.prefix and not begun:
        raise RecipeRefused(f"No variable starts with “{piping.prefix}”.", "prefix")
    return sorted({*piping.names, *begun})


def inserted(settings: Settings, piping: Piping, lines: list[str]) -> str:
    """Return the scope's specification with the lines in its build phase. Raises CannotInsert."""
    try:
        return insert(settings.text, piping.app_root, lines)
    except Unreadable as unreadable:
        raise CannotInsert(f"Line {unreadable.line}: {unreadable}") from None


def _require(access: Access, branch: Branch | None, action: Action) -> None:
    try:
        access.require_on(Permission.WRITE, branch)
    except PermissionDenied:
        refuse(access.actor, action, _target(access, branch))
        raise


def _target(access: Access, branch: Branch | None) -> Target:
    return Target(access.app.app_id, scope_name(branch), SUBJECT)


def _write(
    access: Access, branch: Branch | None, text: str | None, base: int, note: str = ""
) -> BuildSpec:
    """Write a scope's row and version under the app's lock, if it is at `base` still."""
    action = Action.BUILD_REMOVED if text is None else Action.BUILD_CHANGED
    target, before = _target(access, branch), base if base > 0 else None
    with recording(access.actor, action, target, version_before=before) as entry:
        with transaction.atomic():
            app = App.objects.select_for_update(no_key=True).get(pk=access.app.pk)
            settings = settings_of(app, branch)
            if settings.base != base:
                raise Conflict(settings)
            row = settings.own or BuildSpec(app=app, branch=branch, version=0)
            if settings.is_own and row.text == text:
                note = "no change"
            else:
                _add_version(row, text, access.actor.label)
        entry.version_after, entry.detail = row.version, note
    return row


def _add_version(row: BuildSpec, text: str | None, by: str) -> None:
    """A removed row keeps its last text; that it is removed is a version of its own."""
    row.version += 1
    row.changed_at, row.changed_by = timezone.now(), by
    row.removed_at = row.changed_at if text is None else None
    row.text = row.text if text is None else text
    row.save()
    BuildSpecVersion.objects.create(
        build_spec=row, version=row.version, text=text, at=row.changed_at, by=by
    )
