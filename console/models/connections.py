"""Which apps are connected to Amplify, and what Amplify says of them."""

from django.db import models

from console.models.apps import App, Branch


class Connection(models.Model):
    """An app's connection to Amplify. Without one, Amplify is never called for the app.

    `refreshed_at` is when the app and its branches were last read in full, `attempted_at` when
    that was last tried. `problem` is the error code of the last attempt, empty if it succeeded.
    `left_out` are branches that Branchkeep doesn't take, with the reason.
    `jobs_attempted_at` is when the deployments of its branches were last read, or tried to be, and
    `jobs_problem` the sentence to show if that failed.
    """

    app = models.OneToOneField(App, models.CASCADE, related_name="connection")
    connected_at = models.DateTimeField()
    connected_by = models.CharField(max_length=254)
    default_domain = models.CharField(max_length=255, blank=True)
    attempted_at = models.DateTimeField(null=True)
    refreshed_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=100, blank=True)
    left_out = models.JSONField(default=dict)
    jobs_attempted_at = models.DateTimeField(null=True)
    jobs_problem = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.app} in Amplify"


class BranchConnection(models.Model):
    """What Amplify says of a branch of a connected app. Without one, Amplify doesn't have it.

    `seen_at` is when that was first seen, `jobs_read_at` when its deployments were last read. A
    pull request's preview has the branch that it shows and the one that it would be merged into.
    """

    branch = models.OneToOneField(Branch, models.CASCADE, related_name="connection")
    source_branch = models.CharField(max_length=255, blank=True)
    destination_branch = models.CharField(max_length=255, blank=True)
    seen_at = models.DateTimeField()
    jobs_read_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.branch} in Amplify"

    @property
    def is_preview(self) -> bool:
        """Return True if the branch is a preview of a pull request."""
        return bool(self.source_branch)
