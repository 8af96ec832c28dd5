"""Push what waits of an app for a page or a command, if the app is connected."""

from console.amplify.errors import AmplifyError
from console.amplify.pushes import PATIENCE, Pushed
from console.amplify.service import is_on, service
from console.models import App, Connection
from envvars_app.amplify_sync.pushing import counted, push


def push_waiting(app: App) -> Pushed | None:
    """Push what waits, for at most PATIENCE seconds. Returns None if the app isn't connected.

    Raises no AmplifyError: what can't be pushed stays pending.
    """
    if not is_on() or not Connection.objects.filter(app=app).exists():
        return None
    try:
        amplify = service()
    except AmplifyError as error:
        return counted(app, problem=error.message)
    return push(amplify, app, PATIENCE)
