"""The password hasher."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """Argon2id with OWASP's parameters: 19 MiB per hash, so sixteen threads fit a small machine."""

    memory_cost = 19_456  # KiB
    time_cost = 2
    parallelism = 1
