"""`make bench`: what the console costs, as ratios to plain Django and to plain boto3.

Importing it sets Django up, as it runs in production: DEBUG off, templates cached, static files
under hashed names, a database of its own in a file. BENCH_SETTINGS names other settings.
"""

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = os.environ.get("BENCH_SETTINGS", "tests.soak.bench.settings")
django.setup()
