"""The steps of a running deployment, in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.amplify.base import JobStatus
from console.lib.durations import in_words
from console.workflows.deployments.effects import BranchState

WAITING = {JobStatus.CREATED, JobStatus.PENDING}


@dataclass(frozen=True)
class ShownStep:
    """A step. `state` is "done", "busy", "failed", or "" for one that waits."""

    name: str
    state: str
    words: str


def steps_of(state: BranchState, now: datetime) -> list[ShownStep]:
    """Return the steps of the running deployment, and those that the last one had after them."""
    if state.running is None:
        return []
    last = state.live.steps if state.live else []
    usual = {step["name"]: _seconds(step["started_at"], step["ended_at"]) for step in last}
    steps = [_step(step, usual.get(step["name"], 0), now) for step in state.running.steps]
    names = {step["name"] for step in state.running.steps}
    return steps + [ShownStep(_name(name), "", "Waiting") for name in usual if name not in names]


def _step(step: dict[str, Any], usual: float, now: datetime) -> ShownStep:
    name, status = _name(step["name"]), step["status"]
    if status == JobStatus.SUCCEED:
        took = in_words(_seconds(step["started_at"], step["ended_at"]))
        return ShownStep(name, "done", f"Done in {took}")
    if status in {JobStatus.FAILED, JobStatus.CANCELLED}:
        return ShownStep(name, "failed", "Failed" if status == JobStatus.FAILED else "Stopped")
    if status in WAITING or not step["started_at"]:
        return ShownStep(name, "", "Waiting")
    # Amplify names an end of a running step too. It means nothing.
    so_far = in_words(_seconds(step["started_at"], now.isoformat()))
    return ShownStep(name, "busy", f"{so_far} of about {in_words(usual)}" if usual else so_far)


def _name(name: str) -> str:
    """Return a step's name, which Amplify writes in capitals, as a title."""
    return name.replace("_", " ").capitalize() if name.isupper() else name


def _seconds(start: str | None, end: str | None) -> float:
    if not start or not end:
        return 0
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
