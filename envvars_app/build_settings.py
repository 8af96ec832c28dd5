"""Services for build settings: read, save, remove and restore them, and pipe variables to a file.

The settings for All branches are the app's; a branch inherits them or has an override. Every member
can read them; writing needs WRITE on the scope. The functions raise Http404 for what the actor
can't see, PermissionDenied (which they record) without the permission, Conflict if the settings
are no longer at version `base`, and ValidationError with a message for the user otherwise.
"""

from dataclasses import dataclass

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone

from console.access.actors import Actor
from console.access.amplify_apps import find_amplify_app
from console.access.policy import Access, Permission, find_branch
from console.audit.events import Action, Target, recording
from console.audit.refusals import recording_denial
from console.models import App, Branch, scope_name
from envvars_app.buildspec import DEFAULT
from envvars_app.buildspec.checking import Problem, check, errors
from envvars_app.buildspec.inserting import CannotInsert, insert
from envvars_app.buildspec.reading import InvalidYaml
from envvars_app.buildspec.recipes import Recipe
from envvars_app.buildspec.writers import InvalidSelection
from envvars_app.models import BuildSpec, BuildSpecVersion
from envvars_app.variables import pending
from envvars_app.variables.queries import build_variables

SUBJECT = "Build settings"
CANNOT_REMOVE = "Amplify can't remove build settings. Save the ones that should be used instead."


class Conflict(Exception):
    """Raised if the settings changed since the page was rendered. `current` is their state now."""

    code = "conflict"

    def __init__(self, current: "Settings") -> None:
        self.current = current
        super().__init__(current.scope)

    @property
    def message(self) -> str:
        """Return who changed the settings, and when."""
        row = self.current.own
        if row is None:
            return "The build settings for All branches changed after you opened this page."
        verb = "removed" if row.removed_at else "changed"
        when = naturaltime(row.changed_at)
        return f"{row.changed_by} {verb} these build settings {when} (now version {row.version})."


@dataclass(frozen=True)
class Settings:
    """The build settings that are in effect for a scope.

    `own` is the scope's row, even if removed. `source` is the row whose text is in effect: the
    scope's, or the one for All branches. It is None if neither exists: then DEFAULT applies.
    """

    branch: Branch | None
    own: BuildSpec | None
    source: BuildSpec | None

    @property
    def branch_id(self) -> int | None:
        """Return the branch's id, or None for All branches."""
        return self.branch.pk if self.branch else None

    @property
    def scope(self) -> str:
        """Return the scope's name for display."""
        return scope_name(self.branch)

    @property
    def text(self) -> str:
        """Return the specification that builds use."""
        return self.source.text if self.source else DEFAULT

    @property
    def base(self) -> int:
        """Return the version to base the next write of this scope on, or 0 if there is none."""
        return self.own.version if self.own else 0

    @property
    def is_own(self) -> bool:
        """Return True if the scope has settings of its own, and doesn't inherit them."""
        return self.source is not None and self.source == self.own


def find_scope(access: Access, branch_id: int | None) -> Branch | None:
    """Return the branch with this id, or None (All branches) for None. Raises Http404."""
    return None if branch_id is None else find_branch(access, branch_id)


def effective_settings(app: App, branch: Branch | None) -> Settings:
    """Return a scope's settings: its own, otherwise those for All branches, otherwise DEFAULT."""
    rows = {row.branch_id: row for row in app.build_specs.filter(Q(branch=None) | Q(branch=branch))}
    own = rows.get(branch.pk if branch else None)
    in_use = [row for row in (own, rows.get(None)) if row and row.removed_at is None]
    return Settings(branch, own, in_use[0] if in_use else None)


def branches_with_overrides(access: Access, shown: Branch | None) -> list[tuple[Branch, bool]]:
    """Return (branch, whether it has an override).

    Of deleted branches, those with an override and `shown` are included.
    """
    overriding = set(
        access.app.build_specs.filter(removed_at=None).values_list("branch_id", flat=True)
    )
    return [
        (branch, branch.pk in overriding)
        for branch in access.branches
        if branch.deleted_at is None or branch == shown or branch.pk in overriding
    ]


def version_history(settings: Settings) -> QuerySet[BuildSpecVersion]:
    """Return the versions of a scope's own settings, newest first."""
    return BuildSpecVersion.objects.filter(build_spec=settings.own).order_by("-version")


def find_version(access: Access, pk: int) -> BuildSpecVersion:
    """Return a version from any of the app's scopes. Raises Http404."""
    versions = BuildSpecVersion.objects.select_related("build_spec__branch")
    found = versions.filter(pk=pk, build_spec__app=access.app).first()
    if found is None:
        raise Http404("Version not found.")
    return found


def save(
    *, actor: Actor, app_id: str, branch_id: int | None, text: str, base: int, note: str = ""
) -> BuildSpec:
    """Save a scope's specification and return its row.

    `base` is the version that the page was rendered with, and `note` goes into the audit event.
    """
    access = find_amplify_app(actor, app_id)
    branch = find_scope(access, branch_id)
    _require(access, branch, Action.BUILD_CHANGED)
    if branch and branch.deleted_at:
        raise ValidationError("This branch was deleted, so nothing is built from it.")
    if found := errors(check(text)):
        raise ValidationError([f"Line {it.line}: {it.message}" for it in found[:20]])
    return _write(access, branch, text, base, note)


def remove(*, actor: Actor, app_id: str, branch_id: int | None, base: int) -> BuildSpec:
    """Remove a scope's settings. A branch then inherits; All branches gets the default."""
    access = find_amplify_app(actor, app_id)
    branch = find_scope(access, branch_id)
    _require(access, branch, Action.BUILD_REMOVED)
    settings = effective_settings(access.app, branch)
    if pending.is_build_spec_held(access.app, branch_id):
        raise ValidationError(CANNOT_REMOVE)
    if not settings.is_own and not _is_repeat(settings.own, None, base, actor.label):
        raise ValidationError(f"{scope_name(branch)} has no build settings of its own to remove.")
    return _write(access, branch, None, base)


def restore(*, actor: Actor, app_id: str, pk: int, base: int) -> BuildSpec:
    """Save the text of an earlier version as a new version."""
    version = find_version(find_amplify_app(actor, app_id), pk)
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
class PipeOptions:
    """The variables to pipe to a file: by name or by `prefix`, the kind of file, and its place."""

    recipe: Recipe
    names: tuple[str, ...] = ()
    prefix: str = ""
    folder: str = ""
    app_root: str = ""


def selected_keys(access: Access, settings: Settings, options: PipeOptions) -> list[str]:
    """Return the keys chosen by name or by prefix, sorted. Raises InvalidSelection."""
    keys = [found.key for found in build_variables(access, settings.branch)]
    if missing := [name for name in options.names if name not in keys]:
        raise InvalidSelection(
            f"The variable “{missing[0]}” no longer exists on {settings.scope}. Choose again.",
            "names",
        )
    matching = [key for key in keys if options.prefix and key.startswith(options.prefix)]
    if options.prefix and not matching:
        raise InvalidSelection(f"No variable starts with “{options.prefix}”.", "prefix")
    return sorted({*options.names, *matching})


def problems(access: Access, settings: Settings, text: str) -> list[Problem]:
    """Return the problems of a specification, together with the variables that its builds get."""
    own = access.app.build_specs.filter(removed_at=None).exclude(branch=None)
    found = build_variables(access, settings.branch, without=own.values("branch"))
    return check(text, {variable.key: variable.values for variable in found})


def with_commands(settings: Settings, options: PipeOptions, lines: list[str]) -> str:
    """Return the scope's text with `lines` in its build phase. Raises CannotInsert."""
    try:
        return insert(settings.text, options.app_root, lines)
    except InvalidYaml as invalid:
        raise CannotInsert(f"Line {invalid.line}: {invalid}") from None


def _require(access: Access, branch: Branch | None, action: Action) -> None:
    with recording_denial(access.actor, action, _target(access, branch)):
        access.require_on(Permission.WRITE, branch)


def _target(access: Access, branch: Branch | None) -> Target:
    return Target(access.app.app_id, scope_name(branch), SUBJECT)


def _write(
    access: Access, branch: Branch | None, text: str | None, base: int, note: str = ""
) -> BuildSpec:
    """Write a scope's row and version. `text` None removes. Raises Conflict."""
    action = Action.BUILD_REMOVED if text is None else Action.BUILD_CHANGED
    target, before = _target(access, branch), base if base > 0 else None
    with recording(access.actor, action, target, version_before=before) as entry:
        with transaction.atomic():
            # Locking the app also orders two first saves, for which there is no row to lock yet.
            app = App.objects.select_for_update(no_key=True).get(pk=access.app.pk)
            settings = effective_settings(app, branch)
            is_repeat = _is_repeat(settings.own, text, base, access.actor.label)
            if settings.base != base and not is_repeat:
                raise Conflict(settings)
            row = settings.own or BuildSpec(app=app, branch=branch, version=0)
            if is_repeat or (settings.is_own and row.text == text):
                note = "no change"  # the same text adds no version
            else:
                _add_version(row, text, access.actor.label)
                if pending.are_connected(App.objects.filter(pk=app.pk)):
                    pending.mark_build_spec(access, row.branch_id, row.changed_at)
        entry.version_after, entry.detail = row.version, note
    return row


def _is_repeat(own: BuildSpec | None, text: str | None, base: int, author: str) -> bool:
    """Return True if the same author has made this very change: the form was posted twice."""
    if own is None or (own.version, own.changed_by) != (base + 1, author):
        return False
    return (
        own.removed_at is not None if text is None else own.removed_at is None and own.text == text
    )


def _add_version(row: BuildSpec, text: str | None, author: str) -> None:
    # A removal is a version without a text. The row keeps its last text.
    row.version += 1
    row.changed_at, row.changed_by = timezone.now(), author
    row.removed_at = row.changed_at if text is None else None
    row.text = row.text if text is None else text
    row.save()
    BuildSpecVersion.objects.create(
        build_spec=row, version=row.version, text=text, at=row.changed_at, by=author
    )
