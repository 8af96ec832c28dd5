"""`make bench`: what the console costs, as ratios to plain Django and to plain boto3.

Importing it sets Django up, as it runs in production: DEBUG off, templates cached, static files
under hashed names, a database of its own in a file.
"""

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.settings"
django.setup()
