"""Push what waits of an app for a page or a command, if the app is connected."""

from console.amplify.errors import AmplifyError
from console.amplify.pushes import PATIENCE, Pushed
from console.amplify.service import is_on, service
from console.models import App, Connection
from envvars_app.amplify_sync.pushing import counted, push


def push_waiting(app: App, *, at_once: bool = False) -> Pushed | None:
    """Push what waits, for at most PATIENCE seconds. Returns None if the app isn't connected.

    `at_once` is for somebody who asks for it: what has failed a moment ago is tried again. Raises
    no AmplifyError: what can't be pushed stays pending.
    """
    if not is_on() or not Connection.objects.filter(app=app).exists():
        return None
    try:
        amplify = service()
    except AmplifyError as error:
        return counted(app, problem=error.message)
    return push(amplify, app, PATIENCE, at_once=at_once)
