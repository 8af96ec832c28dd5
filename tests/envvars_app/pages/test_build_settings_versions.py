"""Earlier versions of the build settings: viewed, restored, and a conflict."""

from django.test import Client

from envvars_app.models import BuildSpec, BuildSpecVersion
from tests.envvars_app.pages.test_build_settings import (
    OURS,
    PAGE,
    THEIRS,
    build_events,
    save,
    shown,
)
from tests.fixtures.people import World


def test_it_works(alice: Client) -> None:
    save(alice, OURS)
    save(alice, THEIRS, base=1)
    first = BuildSpecVersion.objects.get(version=1)
    response = alice.get(f"{PAGE}versions/{first.pk}/")
    assert shown(response) == OURS
    signs = {
        (line.sign, line.text.strip())
        for line in response.context["diff"]
        if line.sign in {"+", "-"}
    }
    assert signs == {("-", "- vite build"), ("+", "- npm run build")}
    response = alice.post(f"{PAGE}versions/{first.pk}/restore/", {"base": "2"}, follow=True)
    assert "Restored the build settings as version 3." in response.text
    assert shown(response) == OURS
    assert build_events()[-1] == (
        *("alice", "build.change", "All branches"),
        "succeeded: restored from version 1",
    )


def test_restore_after_a_concurrent_change(alice: Client, mia: Client) -> None:
    save(alice, OURS)
    save(mia, THEIRS, base=1)
    first = BuildSpecVersion.objects.get(version=1)
    url = f"{PAGE}versions/{first.pk}/"
    response = alice.post(f"{url}restore/", {"base": "1"}, follow=True)
    assert response.redirect_chain == [(url, 302)]
    assert "mia@example.org changed these build settings" in response.text
    assert BuildSpec.objects.get().text == THEIRS


def test_restore_a_removal(alice: Client) -> None:
    save(alice, OURS)
    alice.post(f"{PAGE}remove/", {"base": "1"})
    gone = BuildSpecVersion.objects.get(version=2)
    assert "has no text" in alice.get(f"{PAGE}versions/{gone.pk}/").text
    response = alice.post(f"{PAGE}versions/{gone.pk}/restore/", {"base": "2"}, follow=True)
    assert "has no text. Choose another one." in response.text
    first = BuildSpecVersion.objects.get(version=1)
    assert (
        shown(alice.post(f"{PAGE}versions/{first.pk}/restore/", {"base": "2"}, follow=True)) == OURS
    )


def test_restore_needs_permission_on_the_branch_of_the_version(
    alice: Client, bob: Client, world: World
) -> None:
    for branch in (None, world.main, world.dev):
        save(alice, OURS, branch=branch)
        save(alice, THEIRS, base=1, branch=branch)
    statuses = {}
    for version in BuildSpecVersion.objects.filter(version=1):
        url = f"{PAGE}versions/{version.pk}/"
        assert bob.get(url).status_code == 200
        response = bob.post(f"{url}restore/?branch={world.dev.pk}", {"base": "2"})
        statuses[version.build_spec.branch] = response.status_code
    assert statuses == {None: 403, world.main: 403, world.dev: 302}
