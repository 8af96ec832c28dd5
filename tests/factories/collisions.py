"""Names of branches that get the same folder from Amplify: real collisions of 40 bits of SHA-512.

They were found by hashing two million names of each kind, which takes seconds.
"""

from typing import NamedTuple


class Collision(NamedTuple):
    """Two branches of an app that share a folder in the parameter store."""

    app_id: str
    one: str
    other: str


# Backends of two identifiers, my-shop and myshop, that share a folder
STANDALONE = (
    ("my-shop", "p_rodu.c-t-i.o.n_b_et.a"),
    ("myshop", "p-r_o.d.u.ct-i-o-n-bet_a"),
)
LONG = "feature/" + "x" * 43  # a folder has only the first 50 letters and digits
LONGER = "long-name-" * 24
COLLISIONS = [
    Collision("d1shop", "main_-_-_-_.-__-_.", "main_-_..--..._-__"),
    Collision("d1shop", "release##!%~%%~", "release@~&@%!!#"),
    Collision("d1shop", "release##@%!@~~", "release#%~~%+~!"),
    Collision("d1shop", "release#&#!##@#", "release#&~!+#!!"),
    Collision("d1shop", "分岐あえたと", "分岐きむかの"),
    Collision("d1shop", f"{LONG}-1264945", f"{LONG}-1766436"),
    Collision("d1shop", f"{LONGER}100000000829546", f"{LONGER}100000001033382"),
    Collision("d2other", "dev_--._--.._.--.", "dev_-_--_.___.--."),
    Collision("d2other", "dev--_-_-_-.._.--", "dev_--._.-_----.."),
    Collision("d2other", "dev-..-___-.___--", "dev_-_---___--___"),
    Collision("d2other", "dev---_..-.--.__.", "dev--._.__.__-__."),
]
