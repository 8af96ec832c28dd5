"""What gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from console.lib.wsgi import reading_to_the_end

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
application = reading_to_the_end(get_wsgi_application())

from console.audit.forwarding import output  # noqa: E402 - models need Django set up

output.serving = True
