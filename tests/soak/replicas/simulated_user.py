"""What each user does during a trial: open, edit, save, reveal, remove, and retry."""

import re
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from tests.soak.replicas.records import Reveal, ScopedKey, SentRow
from tests.soak.replicas.web_user import (
    EditRow,
    NoResponse,
    WebUser,
    change_set_of,
    edit_rows,
    rng,
    row_results,
)

NOT_TRIED = {502: "failed", 503: "failed"}  # the store couldn't be read, so nothing was written
LONGEST_PAUSE = 0.3  # seconds between opening a page and saving it
MIN_ACTIONS = 5  # even on a slow machine
_VALUE = re.compile(r"\b[0-9a-f]{32}\b")


class SimulatedUser:
    """A user who edits the secrets of an app. `branches` are the form's values, by name."""

    def __init__(
        self, web: WebUser, app_id: str, secrets: Sequence[ScopedKey], branches: dict[str, str]
    ) -> None:
        self.web = web
        self.url = f"/apps/{app_id}/hosting/secrets/"
        self.secrets = secrets
        self.branches = branches
        self.sent: list[SentRow] = []
        self.reveals: list[Reveal] = []

    def sign_in(self) -> None:
        """Sign in, which must succeed."""
        status = self.web.sign_in()
        assert status == 302, (self.web.email, status)

    def work(self, until: float) -> None:
        """Act until then, and at least MIN_ACTIONS times."""
        actions = 0
        while time.time() < until or actions < MIN_ACTIONS:
            actions += 1
            with suppress(NoResponse):  # of a GET or a reconcile: try something else
                self._act()

    def _act(self) -> None:
        requested = time.time()
        response = self.web.get(f"{self.url}manage/?per_page=100")
        assert response.status == 200, response
        page, loaded = response.text, time.time()
        rows = {(row.branch, row.key): row for row in edit_rows(page)}
        if rows and rng.random() < 0.25:
            self._reveal(rng.choice([*rows.values()]))
            return
        if rng.random() < 0.05:  # every page does this after loading
            self.web.post(f"{self.url}revalidate/", {"mode": "manage"})
        time.sleep(rng.uniform(0, LONGEST_PAUSE))
        token = change_set_of(page)
        secrets = rng.sample(self.secrets, rng.choice((1, 1, 2, 3)))
        drafts = [self._draft(key, rows.get(key), token, requested, loaded) for key in secrets]
        results = self._save(token, drafts, rows)
        retries = [self._retry(row) for row in results if row.outcome == "conflict" and row.value]
        if retries and rng.random() < 0.5:  # "Overwrite", with another value
            # A conflict without a base means that the secret was removed: add it again
            removed = {row.secret for row in retries if not row.base}
            self._save(
                token, retries, {key: row for key, row in rows.items() if key not in removed}
            )

    def _draft(
        self, secret: ScopedKey, row: EditRow | None, token: str, requested: float, loaded: float
    ) -> SentRow:
        removes = row is not None and rng.random() < 0.2
        return SentRow(
            user=self.web.email,
            change_set=uuid.UUID(token.partition(":")[0]).hex,
            secret=secret,
            base=row.version if row else 0,
            requested=requested,
            loaded=loaded,
            sent=0,
            answered=0,
            value=None if removes else uuid.uuid4().hex,
        )

    def _retry(self, row: SentRow) -> SentRow:
        return replace(
            row,
            base=row.version,
            requested=row.sent,
            loaded=row.answered,
            value=uuid.uuid4().hex,
            outcome="",
            message="",
        )

    def _save(
        self, token: str, drafts: list[SentRow], rows: dict[ScopedKey, EditRow]
    ) -> list[SentRow]:
        fields, names = {"change_set": token}, []
        for number, draft in enumerate(drafts, 1):
            name, row_fields = self._fields(number, draft, rows.get(draft.secret))
            fields |= row_fields
            names.append(name)
        sent = time.time()
        try:
            response = self.web.post(f"{self.url}manage/", fields)
        except NoResponse:
            results, missing = {}, ""
        else:
            results = row_results(response.text)
            missing = NOT_TRIED.get(response.status, f"status {response.status}")
        answered = time.time()
        done = [
            replace(
                draft,
                sent=sent,
                answered=answered,
                outcome=results[name].outcome if name in results else missing,
                version=results[name].version if name in results else 0,
                message=results[name].message if name in results else "",
                retry_base=results[name].base if name in results else "",
            )
            for name, draft in zip(names, drafts, strict=True)
        ]
        self.sent += done
        return done

    def _fields(
        self, number: int, draft: SentRow, row: EditRow | None
    ) -> tuple[str, dict[str, str]]:
        if row is None:
            name = f"new-{number}"
            branch, key = draft.secret
            fields = {"key": key, "branch": self.branches[branch], "value": draft.value or ""}
            fields["base"] = draft.retry_base
            return name, {f"{name}-{field}": text for field, text in fields.items()}
        edit = {f"value-{row.pk}": draft.value} if draft.value else {f"remove-{row.pk}": "on"}
        return row.pk, {f"base-{row.pk}": draft.retry_base or row.base, **edit}

    def _reveal(self, row: EditRow) -> None:
        sent = time.time()
        try:
            response = self.web.post(f"{self.url}{row.pk}/reveal/", {})
            status, text = response.status, response.text
        except NoResponse:
            status, text = 0, ""
        value = value_in(text) if status == 200 else ""
        secret = (row.branch, row.key)
        self.reveals.append(Reveal(self.web.email, secret, sent, time.time(), status, value))


def value_in(fragment: str) -> str:
    """Return the value in the response to a reveal; ours have 32 hexadecimal digits."""
    return "".join(_VALUE.findall(fragment))
