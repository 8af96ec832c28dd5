"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from console.lib.wsgi import drain_request_body

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
application = drain_request_body(get_wsgi_application())

from console.audit.forwarding import output  # noqa: E402 - models need Django set up

output.serving = True
