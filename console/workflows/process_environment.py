"""The environment of a process: a branch's values, from every source."""

from dataclasses import dataclass, field

from console.access.policy import Access
from console.environment.keys import EffectiveKey
from console.environment.sources import sources
from console.models import Branch


@dataclass
class ProcessEnvironment:
    """The values to pass to a process.

    `counts` says how many each source has, by its noun. `shadowed` are keys for which a
    confidential value replaced a plain one, `impossible` those left out because their value
    contains NUL.
    """

    values: dict[str, str] = field(default_factory=dict, repr=False)
    counts: dict[str, int] = field(default_factory=dict)
    shadowed: list[str] = field(default_factory=list)
    impossible: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """Return the counts in words, such as "3 variables and 1 secret"."""
        return " and ".join(
            f"{count} {noun}" if count == 1 else f"{count} {noun}s"
            for noun, count in self.counts.items()
        )


def process_environment(
    access: Access, branch: Branch | None, *, include_confidential: bool
) -> ProcessEnvironment:
    """Return what a process with the branch's environment gets.

    Without `include_confidential`, confidential sources count as empty and nothing is revealed.
    Raises as `EnvironmentSource.effective_values` does.
    """
    result = ProcessEnvironment()
    for source in sources():
        values: dict[str, str] = {}
        if include_confidential or not source.is_confidential:
            values = dict(source.effective_values(access, branch))
        if source.is_confidential:
            impossible = [key for key, value in values.items() if "\0" in value]
            values = {key: value for key, value in values.items() if key not in impossible}
            result.impossible += impossible
            result.shadowed += [key for key in values if key in result.values]
        result.counts[source.noun] = len(values)
        result.values |= values
    return result


def effective_list(access: Access, branch: Branch | None) -> list[tuple[str, EffectiveKey]]:
    """Return (noun, key) for everything that a branch gets, sorted by key. Reveals nothing."""
    found = [
        (source.noun, entry)
        for source in sources()
        for entry in source.effective_keys(access, branch)
    ]
    return sorted(found, key=lambda one: (one[1].key, one[0]))
