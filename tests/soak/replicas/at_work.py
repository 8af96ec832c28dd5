"""What one person does during a trial: looks, thinks, saves, reveals, removes, tries again."""

import re
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from tests.soak.replicas.person import (
    NoAnswer,
    Person,
    Shown,
    chance,
    change_set_of,
    outcomes_of,
    rows_of,
)
from tests.soak.replicas.records import Place, Reveal, Sent

AWAY = {502: "failed", 503: "failed"}  # the store could not be read: nothing was tried
LONGEST_THOUGHT = 0.3  # seconds
LEAST = 5  # things that a person does
_VALUE = re.compile(r"\b[0-9a-f]{32}\b")


class Worker:
    """A person at the secrets of an app. `branches` are the form's values, by name."""

    def __init__(
        self, person: Person, app_id: str, places: Sequence[Place], branches: dict[str, str]
    ) -> None:
        self.person = person
        self.address = f"/apps/{app_id}/hosting/secrets/"
        self.places = places
        self.branches = branches
        self.sent: list[Sent] = []
        self.reveals: list[Reveal] = []

    def sign_in(self) -> None:
        """Sign in; the console must take it."""
        status = self.person.sign_in()
        assert status == 302, (self.person.email, status)

    def work(self, until: float) -> None:
        """Work until then, and do at least a few things on a machine that is slow."""
        acts = 0
        while time.time() < until or acts < LEAST:
            acts += 1
            with suppress(NoAnswer):  # of a page that changes nothing: one asks again
                self._act()

    def _act(self) -> None:
        asked = time.time()
        answer = self.person.get(f"{self.address}manage/?per_page=100")
        assert answer.status == 200, answer
        page, seen = answer.text, time.time()
        rows = {(row.branch, row.key): row for row in rows_of(page)}
        if rows and chance.random() < 0.25:
            self._reveal(chance.choice([*rows.values()]))
            return
        if chance.random() < 0.05:  # as each page does when it has loaded
            self.person.post(f"{self.address}revalidate/", {"mode": "manage"})
        time.sleep(chance.uniform(0, LONGEST_THOUGHT))
        token = change_set_of(page)
        places = chance.sample(self.places, chance.choice((1, 1, 2, 3)))
        drafts = [self._draft(place, rows.get(place), token, asked, seen) for place in places]
        told = self._save(token, drafts, rows)
        again = [self._once_more(one) for one in told if one.answer == "conflict" and one.value]
        if again and chance.random() < 0.5:  # to write mine, I type it again and save
            gone = {one.place for one in again if not one.base}  # these are added anew
            self._save(token, again, {at: row for at, row in rows.items() if at not in gone})

    def _draft(
        self, place: Place, row: Shown | None, token: str, asked: float, seen: float
    ) -> Sent:
        removes = row is not None and chance.random() < 0.2
        return Sent(
            who=self.person.email,
            change_set=uuid.UUID(token.partition(":")[0]).hex,
            place=place,
            base=row.version if row else 0,
            asked=asked,
            seen=seen,
            sent=0,
            heard=0,
            value=None if removes else uuid.uuid4().hex,
        )

    def _once_more(self, told: Sent) -> Sent:
        return replace(
            told,
            base=told.version,
            asked=told.sent,
            seen=told.heard,
            value=uuid.uuid4().hex,
            answer="",
            message="",
        )

    def _save(self, token: str, drafts: list[Sent], rows: dict[Place, Shown]) -> list[Sent]:
        fields, names = {"change_set": token}, []
        for number, draft in enumerate(drafts, 1):
            name, mine = self._fields(number, draft, rows.get(draft.place))
            fields |= mine
            names.append(name)
        sent = time.time()
        try:
            answer = self.person.post(f"{self.address}manage/", fields)
        except NoAnswer:
            told, missing = {}, ""
        else:
            told = outcomes_of(answer.text)
            missing = AWAY.get(answer.status, f"status {answer.status}")
        heard = time.time()
        ends = [
            replace(
                draft,
                sent=sent,
                heard=heard,
                answer=told[name].outcome if name in told else missing,
                version=told[name].version if name in told else 0,
                message=told[name].message if name in told else "",
                again=told[name].base if name in told else "",
            )
            for name, draft in zip(names, drafts, strict=True)
        ]
        self.sent += ends
        return ends

    def _fields(self, number: int, draft: Sent, row: Shown | None) -> tuple[str, dict[str, str]]:
        if row is None:
            name = f"new-{number}"
            branch, key = draft.place
            fields = {"key": key, "branch": self.branches[branch], "value": draft.value or ""}
            return name, {f"{name}-{n}": it for n, it in {**fields, "base": draft.again}.items()}
        what = {f"value-{row.pk}": draft.value} if draft.value else {f"remove-{row.pk}": "on"}
        return row.pk, {f"base-{row.pk}": draft.again or row.base, **what}

    def _reveal(self, row: Shown) -> None:
        sent = time.time()
        try:
            answer = self.person.post(f"{self.address}{row.pk}/reveal/", {})
            status, text = answer.status, answer.text
        except NoAnswer:
            status, text = 0, ""
        value = value_in(text) if status == 200 else ""
        place = (row.branch, row.key)
        self.reveals.append(Reveal(self.person.email, place, sent, time.time(), status, value))


def value_in(fragment: str) -> str:
    """Return the value that a reveal answers with; ours are 32 hexadecimal digits."""
    return "".join(_VALUE.findall(fragment))
