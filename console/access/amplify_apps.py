"""Look up apps for features of Amplify Hosting, which standalone backends don't have."""

from django.http import Http404

from console.access.actors import Actor
from console.access.policy import Access, find_app


def find_amplify_app(actor: Actor, app_id: str, *related: str) -> Access:
    """Return what `find_app` returns. Raises Http404 for a standalone backend, too."""
    access = find_app(actor, app_id, *related)
    require_amplify_app(access)
    return access


def require_amplify_app(access: Access) -> None:
    """Raise Http404 for a standalone backend."""
    if access.app.is_standalone:
        raise Http404("Standalone backends don't have this page.")
