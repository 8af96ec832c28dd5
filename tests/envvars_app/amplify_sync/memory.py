"""Amplify in memory: as fast as a dictionary, with the faults that matter to a push.

`tests/fixtures/amplify.py` has the real protocol; this one is for thousands of small races.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from console.amplify.base import AmplifyApp, AmplifyBranch, Job
from console.amplify.errors import AmplifyError, NotFound
from console.amplify.snapshots import Snapshot
from console.models import App

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Stored:
    """What Amplify holds of an app or a branch."""

    variables: dict[str, str] = field(default_factory=dict)
    build_spec: str = ""
    updates: int = 0


class MemoryAmplify:
    """An AmplifyService. `faults` are raised by the next calls, before or after they happen.

    A hook in `before` runs before each call, as somebody else who changes things in between.
    """

    def __init__(self, app: App, *branches: str) -> None:
        self.own = Stored()
        self.kept = {name: Stored() for name in branches}
        self.app_id, self.calls = app.app_id, []  # type: tuple[str, list[str]]
        self.auto_branch: dict[str, str] = {}
        self.before: list[Callable[[str], None]] = []
        self.refused: list[AmplifyError | None] = []
        self.lost: list[AmplifyError | None] = []

    def _call(self, name: str) -> None:
        self.calls.append(name)
        for hook in [*self.before]:
            hook(name)
        if self.refused and (error := self.refused.pop(0)):
            raise error

    def _answer(self) -> None:
        if self.lost and (error := self.lost.pop(0)):
            raise error

    def _app(self) -> AmplifyApp:
        return AmplifyApp(
            app_id=self.app_id,
            name="Shop",
            repository="",
            default_domain="",
            production_branch="main",
            variables=dict(self.own.variables),
            auto_branch_variables=dict(self.auto_branch),
            build_spec=self.own.build_spec,
            updated_at=START + timedelta(seconds=self.own.updates),
        )

    def _branch(self, name: str) -> AmplifyBranch:
        stored = self._stored(name)
        return AmplifyBranch(
            name=name,
            stage="NONE",
            variables=dict(stored.variables),
            build_spec=stored.build_spec,
            source_branch="",
            destination_branch="",
            active_job_id="",
            updated_at=START + timedelta(seconds=stored.updates),
        )

    def _stored(self, name: str) -> Stored:
        if name not in self.kept:
            raise NotFound
        return self.kept[name]

    def snapshot(self, read_at: datetime) -> Snapshot:
        """Return what it holds, as a refresh reads it."""
        return Snapshot(self._app(), [self._branch(name) for name in self.kept], read_at)

    def apps(self) -> Sequence[AmplifyApp]:
        """Return the app."""
        self._call("apps")
        return [self._app()]

    def app(self, app_id: str) -> AmplifyApp:
        """Return the app."""
        self._call("app")
        self._answer()
        return self._app()

    def branches(self, app_id: str) -> Sequence[AmplifyBranch]:
        """Return all branches."""
        self._call("branches")
        return [self._branch(name) for name in self.kept]

    def branch(self, app_id: str, name: str) -> AmplifyBranch:
        """Return a branch."""
        self._call("branch")
        self._answer()
        return self._branch(name)

    def set_app_variables(self, app_id: str, variables: Mapping[str, str]) -> AmplifyApp:
        """Replace the app's map."""
        self._call("set_app_variables")
        self.own.variables = dict(variables)
        self.own.updates += 1
        self._answer()
        return self._app()

    def set_branch_variables(
        self, app_id: str, name: str, variables: Mapping[str, str]
    ) -> AmplifyBranch:
        """Replace a branch's map."""
        self._call("set_branch_variables")
        stored = self._stored(name)
        stored.variables = dict(variables)
        stored.updates += 1
        self._answer()
        return self._branch(name)

    def set_app_build_spec(self, app_id: str, text: str) -> AmplifyApp:
        """Replace the app's build specification."""
        self._call("set_app_build_spec")
        self.own.build_spec = text
        self._answer()
        return self._app()

    def set_branch_build_spec(self, app_id: str, name: str, text: str) -> AmplifyBranch:
        """Replace a branch's build specification."""
        self._call("set_branch_build_spec")
        self._stored(name).build_spec = text
        self._answer()
        return self._branch(name)

    def jobs(self, app_id: str, branch: str, *, limit: int) -> Sequence[Job]:
        """Return no job."""
        return []

    def job(self, app_id: str, branch: str, job_id: str) -> Job:
        """Raise NotFound."""
        raise NotFound

    def start_job(self, app_id: str, branch: str, *, reason: str) -> Job:
        """Raise NotFound."""
        raise NotFound

    def stop_job(self, app_id: str, branch: str, job_id: str) -> Job:
        """Raise NotFound."""
        raise NotFound

    def ping(self) -> None:
        """Answer."""
        self._call("ping")
