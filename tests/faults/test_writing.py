"""A store that fails while rows are written: each row's outcome, and peace afterwards."""

from typing import Any

import pytest
from django.urls import reverse
from django.utils.html import escape

from secrets_app.store.errors import OutcomeUnknown
from tests.faults.faults import FAULTS, TOLD, all_is_well, clean
from tests.fixtures.faulty import Fault
from tests.secrets_app.writes.desk import Desk

faults = pytest.mark.parametrize("name", FAULTS)
told = pytest.mark.parametrize("name", TOLD)
FRAGMENT = {"HX-Request": "true"}
VALUE = "a value that is shown to nobody"


@faults
@pytest.mark.parametrize("act", ["create", "change"])
def test_it_works(desk: Desk, trouble: Any, name: str, act: str) -> None:
    meaning = FAULTS[name]
    keys = ("FIRST", "SECOND", "THIRD")
    changes = [desk.new(key, VALUE) for key in keys]
    if act == "change":
        changes = [desk.change(desk.put(key), VALUE) for key in keys]
        desk.check()
    earlier = len(desk.trail())
    with trouble(meaning.fault, "PutParameter", after="put"):
        saved, hit, rest = desk.save("alice", *changes)
    unknown = meaning.of_a_write is OutcomeUnknown
    assert saved.outcome == "saved"
    assert hit.outcome == ("unknown" if unknown else "failed")
    assert hit.message == meaning.of_a_write.message
    assert hit.version == changes[1].expected_version
    assert rest.outcome == ("not_tried" if meaning.stops else "failed")
    tried = desk.trail()[earlier:]
    assert [entry[2] for entry in tried] == [*keys[:2], *([] if meaning.stops else keys[2:])]
    assert [entry[4] for entry in tried][:2] == ["succeeded", str(hit.outcome)]
    if unknown:
        assert desk.shown("SECOND").state == "unknown"

    all_is_well(desk)
    assert [entry[4] for entry in desk.trail()[earlier:]][1] == ("settled" if unknown else "failed")
    shown = desk.rows().get(("", "SECOND"), 0)
    assert (shown > changes[1].expected_version) == meaning.fault.acts
    [again] = desk.save("alice", desk.new("SECOND", "again", base=shown))
    assert again.outcome == "saved"
    assert desk.values("SECOND") == ("again", None)


@faults
def test_the_mirror(desk: Desk, trouble: Any, name: str) -> None:
    meaning, main = FAULTS[name], desk.world.main
    row = desk.put("SECRET", branch=main)
    desk.check()
    with trouble(meaning.fault, "PutParameter", after="put"):
        saved, rest = desk.save("alice", desk.change(row, VALUE), desk.new("OTHER"))
    assert (saved.outcome, saved.version) == ("saved", 2)
    assert rest.outcome == ("not_tried" if meaning.stops else "failed")
    assert saved.message.startswith("Saved, but ")
    assert "Nothing was changed" not in saved.message
    assert ("was lost" in saved.message) == (meaning.of_a_write is OutcomeUnknown)
    assert desk.shown("SECRET", main).mirror == "behind"
    all_is_well(desk)
    assert desk.shown("SECRET", main).mirror == "behind"
    desk.repair("mia", row)
    assert desk.shown("SECRET", main).mirror == ""
    assert desk.values("SECRET", main) == (VALUE, VALUE)


@faults
def test_a_removal(desk: Desk, trouble: Any, name: str) -> None:
    meaning, main = FAULTS[name], desk.world.main
    row, other = desk.put("SECRET", branch=main), desk.put("OTHER")
    desk.check()
    with trouble(meaning.fault, "DeleteParameters"):
        hit, rest = desk.save("alice", desk.removal(row), desk.removal(other))
    assert hit.outcome == ("unknown" if meaning.of_a_write is OutcomeUnknown else "failed")
    assert hit.message == meaning.of_a_write.message
    assert rest.outcome == ("not_tried" if meaning.stops else "failed")
    all_is_well(desk)
    assert (("main", "SECRET") not in desk.rows()) == meaning.fault.acts
    assert ("", "OTHER") in desk.rows()


@faults
def test_a_repair(desk: Desk, trouble: Any, name: str) -> None:
    meaning, main = FAULTS[name], desk.world.main
    row = desk.put("SECRET", branch=main)
    desk.check()
    desk.store.remove(desk.paths("SECRET", main)[1:])
    desk.check()
    found = desk.trail("found.")
    with (
        trouble(meaning.fault, "PutParameter"),
        pytest.raises(meaning.of_a_write),
    ):
        desk.repair("mia", row)
    desk.check()
    assert desk.trail("found.") == found
    assert desk.shown("SECRET", main).mirror == ("behind" if meaning.fault.acts else "missing")
    desk.repair("mia", row)
    assert desk.shown("SECRET", main).mirror == ""


@told
def test_what_the_browser_is_told(desk: Desk, trouble: Any, as_: Any, name: str) -> None:
    meaning = FAULTS[name]
    url = reverse("secrets_manage", args=[desk.app.app_id])
    with trouble(meaning.fault, "PutParameter"):
        page = as_("alice").post(url, _fields("PAGE"))
        fragment = as_("alice").post(url, _fields("FRAGMENT"), headers=FRAGMENT)
    for response in (page, fragment):
        _is_told(response, 422, meaning.of_a_write.message)
    assert b'value="PAGE"' in page.content  # what was typed is still there, but for its value
    all_is_well(desk)


@told
def test_a_store_that_can_not_even_be_read(desk: Desk, trouble: Any, as_: Any, name: str) -> None:
    meaning = FAULTS[name]
    url = reverse("secrets_manage", args=[desk.app.app_id])
    with trouble(meaning.fault, "GetParameters"):
        page = as_("alice").post(url, _fields("PAGE"))
        fragment = as_("alice").post(url, _fields("FRAGMENT"), headers=FRAGMENT)
    for response in (page, fragment):
        _is_told(response, 503, meaning.of_a_read.message)
    assert (page.content[:9], fragment.content[:2]) == (b"<!doctype", b"<p")
    assert desk.trail() == []
    all_is_well(desk)


@told
def test_a_repair_in_the_browser(desk: Desk, trouble: Any, as_: Any, name: str) -> None:
    meaning = FAULTS[name]
    urls = []
    for key in ("PAGE", "FRAGMENT"):
        row = desk.put(key, branch=desk.world.main)
        desk.store.remove(desk.paths(key, desk.world.main)[1:])
        urls.append(reverse("secret_mirror", args=[desk.app.app_id, row.pk]))
    with trouble(meaning.fault, "PutParameter"):
        page = as_("alice").post(urls[0], {"shown": "1:0"})
        fragment = as_("alice").post(urls[1], {"shown": "1:0"}, headers=FRAGMENT)
    for response in (page, fragment):
        _is_told(response, meaning.of_a_write.status, meaning.of_a_write.message)


def _fields(key: str) -> dict[str, str]:
    return {"new-1-key": key, "new-1-value": VALUE, "new-1-branch": ""}


def _is_told(response: Any, status: int, sentence: str) -> None:
    text = response.content.decode()
    assert response.status_code == status
    assert escape(sentence) in text
    assert clean(text)
    assert VALUE not in text


def test_a_refusal_by_ssm_is_told_at_the_row(desk: Desk, trouble: Any) -> None:
    with trouble(Fault.error("HierarchyTypeMismatchException"), "PutParameter"):
        hit, other = desk.save("alice", desk.new("A"), desk.new("B"))
    assert (hit.outcome, other.outcome) == ("failed", "failed")
    assert "a parameter of another type" in hit.message


def test_a_creation_that_its_own_retry_meets(desk: Desk, faulty: Any, impatient: None) -> None:
    faulty.next(Fault.RESET_AFTER, on="PutParameter")
    [outcome] = desk.save("alice", desk.new("A"))
    assert outcome.outcome == "unknown"
    all_is_well(desk)
    assert desk.rows() == {("", "A"): 1}
    assert desk.trail() == [("alice", "secret.create", "A", 0, "settled", 1)]


def test_a_change_that_is_sent_twice_is_one_change(
    desk: Desk, faulty: Any, impatient: None
) -> None:
    row = desk.put("A")
    desk.check()
    faulty.next(Fault.RESET_AFTER, on="PutParameter")
    [outcome] = desk.save("alice", desk.change(row, VALUE))
    assert (outcome.outcome, outcome.version, outcome.message) == ("saved", 3, "")
    all_is_well(desk)
