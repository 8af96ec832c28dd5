"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
_django = get_wsgi_application()

from console.audit.forwarding import output  # noqa: E402 - models need Django set up
from console.web.encodings import with_readable_content_type  # noqa: E402 - the same

application = with_readable_content_type(_django)
output.serving = True
