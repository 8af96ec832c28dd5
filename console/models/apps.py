"""Apps and their branches."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, UniqueConstraint

from console.lib.naming.lookalikes import spell_out
from console.lib.naming.names import (
    ALL_BRANCHES,
    APP_ID_LIMIT,
    BRANCH_NAME_LIMIT,
    PathProfile,
    app_id_problem,
    branch_name_problem,
)
from console.lib.naming.natural import natural_key


class App(models.Model):
    """An Amplify app, or a standalone backend. The store keeps its secrets under `app_id`.

    The branches of a standalone backend are what was deployed under its identifier: `backend`, or
    the stages of a pipeline.
    """

    app_id = models.CharField("app ID", max_length=APP_ID_LIMIT, unique=True)
    name = models.CharField(max_length=255)
    repository = models.CharField(max_length=1000, blank=True)
    region = models.CharField(max_length=32)
    path_profile = models.CharField(
        max_length=10,
        choices=[(profile.value, profile.value) for profile in PathProfile],
        default=PathProfile.BOTH.value,
    )
    # The self-managed hosting project that the app has claimed (docs/self-managed-hosting.md)
    hosting_project = models.CharField(max_length=214, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["name", "app_id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(
                fields=["hosting_project"],
                condition=~Q(hosting_project=""),
                name="one_app_per_hosting_project",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.app_id})"

    def clean(self) -> None:
        """Raise ValidationError if no app of this kind can have the ID."""
        if problem := app_id_problem(self.app_id, is_standalone=self.is_standalone):
            raise ValidationError({"app_id": problem})

    @property
    def is_standalone(self) -> bool:
        """Return True for a backend that is deployed without Amplify Hosting."""
        return self.path_profile == PathProfile.STANDALONE

    @property
    def id_label(self) -> str:
        """Return what pages call the ID."""
        return "identifier" if self.is_standalone else "app ID"


class Stage(models.TextChoices):
    """Amplify's branch stages."""

    PRODUCTION = "PRODUCTION", "Production"
    BETA = "BETA", "Beta"
    DEVELOPMENT = "DEVELOPMENT", "Development"
    EXPERIMENTAL = "EXPERIMENTAL", "Experimental"
    PULL_REQUEST = "PULL_REQUEST", "Pull request"
    NONE = "NONE", "None"


def check_branch_name(name: str) -> None:
    """Raise ValidationError if the name is not valid (see console.lib.naming.names)."""
    if problem := branch_name_problem(name):
        raise ValidationError(problem)


class NaturalKeyField(models.BinaryField):
    """The sort key of the row's name, computed whenever the row is saved."""

    def pre_save(self, model_instance: models.Model, add: bool) -> bytes:
        """Return the key of the present name."""
        key = natural_key(model_instance.name)  # type: ignore[attr-defined]  # of any named model
        setattr(model_instance, self.attname, key)
        return key


class Branch(models.Model):
    """A Git branch connected to an app.

    A deleted branch keeps its row, because its secrets stay in the store until someone removes
    them. `production` marks the one branch that serves the app's users. `mark` says which other
    branch the name looks like, or what in it can't be seen; `access.policy.branches_of` sets it.
    """

    mark = ""

    app = models.ForeignKey(App, models.CASCADE, related_name="branches")
    name = models.CharField(max_length=BRANCH_NAME_LIMIT, validators=[check_branch_name])
    stage = models.CharField(max_length=20, choices=Stage.choices, default=Stage.NONE)
    production = models.BooleanField(default=False)
    protected = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    sort_key = NaturalKeyField(editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["sort_key"]
        verbose_name_plural = "branches"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["app", "name"], name="one_branch_per_name"),
            UniqueConstraint(
                fields=["app"], condition=Q(production=True), name="one_production_branch"
            ),
        ]

    def __str__(self) -> str:
        return spell_out(self.name)

    @property
    def label(self) -> str:
        """Return the name for a list of choices, with its mark and whether it was deleted."""
        return f"{self.marked_name} (deleted)" if self.deleted_at else self.marked_name

    @property
    def marked_name(self) -> str:
        """Return the name with its mark."""
        return f"{self.name} ({self.mark})" if self.mark else self.name


def scope_name(branch: Branch | None) -> str:
    """Return the scope's display name: the branch's name, or "All branches"."""
    return ALL_BRANCHES if branch is None else branch.name
