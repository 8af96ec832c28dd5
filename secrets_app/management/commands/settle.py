"""`manage.py settle`: find out how attempts without an outcome, or with an unknown one, ended."""

from typing import Any

from django.core.management.base import CommandError
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from console.audit import chain, refusals
from console.audit.reconcile import settle_open
from console.cli.base import ConsoleCommand
from console.cli.terminal import Exit
from console.models import App, AuditEvent
from console.workflows import bin_worker
from secrets_app.models import BinEntry, Secret, UnknownParameter
from secrets_app.sync import mirrors
from secrets_app.sync.freshness import freshness
from secrets_app.sync.reconciling import reconcile_now
from secrets_app.writes import leases


class Command(ConsoleCommand):
    """Settle writes with a lost response, conclude interrupted attempts, and finish mirrors."""

    help = (
        "Settle attempted and unknown entries in the activity from what the store holds now, and "
        "finish the mirrors that interrupted saves did not get to."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many were settled. Exits with 5 if the store doesn't answer."""
        before = _open_claims().count()
        problems = [
            problem for app in self._apps_with_expired_leases() if (problem := _reconcile(app))
        ]
        settled = before - _open_claims().count()
        refusals.conclude_counted()
        concluded = settle_open(excluding=_open_claims())
        repairs = mirrors.Repairs() if problems else mirrors.finish_all()
        upkeep = bin_worker.clean_up()
        chain.append_pending_links()
        self.stdout.write(f"Settled from the store: {settled:,}. Settled otherwise: {concluded:,}.")
        self._print_held()
        if repairs.finished or repairs.left:
            self.stdout.write(f"Mirrors finished: {repairs.finished:,}. Left: {repairs.left:,}.")
        if repairs.problem:
            problems.append(f"Mirrors: {repairs.problem}")
        if upkeep.problem and not problems:
            problems.append(f"Recycle bin: {upkeep.problem}")
        if problems:
            raise CommandError("\n".join(problems), returncode=Exit.STORE)

    def _print_held(self) -> None:
        """Print how many writes have to wait, and until when."""
        held = Secret.objects.filter(claim__isnull=False, claimed_until__gt=timezone.now())
        found = held.aggregate(number=Count("pk"), until=Max("claimed_until"))
        if found["number"]:
            self.stdout.write(
                f"Not settled yet, because requests may still arrive: {found['number']:,}. Run "
                f"this again after {found['until']:%H:%M:%S} UTC."
            )

    def _apps_with_expired_leases(self) -> list[App]:
        """Return the apps with an interrupted write, whose lease has expired."""
        is_expired = leases.is_expired(timezone.now())
        claimed = Q(secrets__in=Secret.objects.filter(is_expired))
        claimed |= Q(unknown_parameters__in=UnknownParameter.objects.filter(is_expired))
        return list(App.objects.filter(claimed).distinct().order_by("app_id"))


def _open_claims() -> QuerySet[AuditEvent]:
    """Return the audit events of writes whose outcome is open."""
    return AuditEvent.objects.filter(
        Q(pk__in=Secret.objects.exclude(claim=None).values("claim_id"))
        | Q(pk__in=UnknownParameter.objects.exclude(claim=None).values("claim_id"))
        | Q(pk__in=BinEntry.objects.exclude(due_at=None).values("claim_id"))
    )


def _reconcile(app: App) -> str:
    """Reconcile an app. Return the problem, or ""."""
    if not reconcile_now(app):
        return f"{app.app_id}: Another process is checking it now. Run this again in a minute."
    problem = freshness(app).problem
    return f"{app.app_id}: {problem}" if problem else ""
