"""The pages of an app, in the order of its navigation. The search finds them, too."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

HOSTING, SETTINGS = "Hosting", "App settings"
# What a page may need to be shown
MANAGE, MAIL, AMPLIFY, PROJECT = "manage", "mail", "amplify", "project"


@dataclass(frozen=True)
class AppPage:
    """A page of the navigation. `name` is its URL's, and what its view passes to `app_context`."""

    name: str
    label: str
    icon: str
    section: str = ""
    needs: str = ""


_PAGES = (
    AppPage("overview", "Overview", "home"),
    AppPage("compare", "Compare", "table"),
    AppPage("activity", "Activity", "clock"),
    AppPage("deployments", "Deployments", "rocket", HOSTING, AMPLIFY),
    AppPage("build_settings", "Build settings", "wrench", HOSTING),
    AppPage("variables", "Environment variables", "variable", HOSTING),
    AppPage("secrets", "Secrets", "key", HOSTING),
    AppPage("hosting_values", "Self-managed hosting", "cloud", HOSTING, PROJECT),
    AppPage("drift", "Drift", "differs", HOSTING),
    AppPage("bin", "Recycle bin", "bin", HOSTING),
    AppPage("unknown_parameters", "Orphans", "unknown", HOSTING),
    AppPage("general", "General", "cog", SETTINGS, MANAGE),
    AppPage("branches", "Branches", "branch", SETTINGS, MANAGE),
    AppPage("preview_rules", "PR previews", "copy", SETTINGS, MANAGE),
    AppPage("members", "Members", "users", SETTINGS, MANAGE),
    AppPage("notifications", "Notifications", "bell", SETTINGS, MAIL),
)


# A standalone backend has none of these (console/access/amplify_apps.py)
_AMPLIFY_PAGES = frozenset({"deployments", "build_settings", "preview_rules"})


def app_pages(
    *,
    is_standalone: bool,
    may_manage: bool,
    sends_mail: bool,
    has_amplify: bool,
    has_project: bool,
) -> list[AppPage]:
    """Return the pages to show, to someone who may manage the app or not."""
    given = {"": True, MANAGE: may_manage, MAIL: sends_mail, AMPLIFY: has_amplify}
    given[PROJECT] = has_project  # of self-managed hosting
    hidden = _AMPLIFY_PAGES if is_standalone else frozenset()
    return [page for page in _PAGES if given[page.needs] and page.name not in hidden]


def by_section(pages: list[AppPage]) -> Iterator[tuple[str, list[AppPage]]]:
    """Yield each section of the navigation with its pages."""
    for section, members in groupby(pages, key=lambda page: page.section):
        yield section, list(members)
