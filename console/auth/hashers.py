"""How passwords are hashed."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """Argon2id at OWASP's cost: 19 MiB a hash, so that sixteen threads fit in a small machine."""

    memory_cost = 19_456  # KiB
    time_cost = 2
    parallelism = 1
