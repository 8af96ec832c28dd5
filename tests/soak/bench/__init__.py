"""Measure what the console costs (`make bench`), as ratios to plain Django and plain boto3.

Importing this package sets up Django as in production: DEBUG off, cached templates, hashed static
files, a database file of its own. The environment variable BENCH_SETTINGS names other settings.
"""

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = os.environ.get("BENCH_SETTINGS", "tests.soak.bench.settings")
django.setup()
