"""The WSGI application that gunicorn serves."""

import os
from contextlib import suppress

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
_django = get_wsgi_application()

from django.db import DatabaseError, connection  # noqa: E402 - after the settings' name is known

from console.audit.forwarding import output  # noqa: E402 - models need Django set up
from console.db.versions import refuse_newer_database  # noqa: E402 - the same
from console.web.encodings import with_readable_content_type  # noqa: E402 - the same

with suppress(DatabaseError):  # pages say that it doesn't answer, until it does
    refuse_newer_database()
connection.close()
application = with_readable_content_type(_django)
output.serving = True
