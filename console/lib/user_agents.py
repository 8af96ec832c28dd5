"""Read a browser and its system from a User-Agent header, as people know them.

Browsers claim to be each other: Edge, Opera and Samsung Internet also name Chrome, which names
Safari. So the order matters. A header proves nothing, since a client can send any.
"""

import re

_BROWSERS = (
    ("Edg", "Edge"),
    ("EdgA", "Edge"),
    ("EdgiOS", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Vivaldi", "Vivaldi"),
    ("FxiOS", "Firefox"),
    ("Firefox", "Firefox"),
    ("HeadlessChrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Chromium", "Chromium"),
    ("Chrome", "Chrome"),
    ("Version", "Safari"),  # Safari's own name is in the others too
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),  # an iPad may say the same
    ("Linux", "Linux"),
)
_PRODUCT = re.compile(r"[A-Za-z][\w.+ -]{0,40}(?=/\d)")


def browser_name(agent: str) -> str:
    """Return "Firefox on Windows", a program's own name such as "curl", or the header itself."""
    if not agent.startswith("Mozilla/"):
        product = _PRODUCT.match(agent)
        return product[0] if product else agent
    products = set(re.findall(r"([A-Za-z]+)/", agent))
    name = next((label for token, label in _BROWSERS if token in products), "")
    if name == "Safari" and "Safari" not in products:
        name = ""
    system = next((label for token, label in _SYSTEMS if token in agent), "")
    return f"{name} on {system}" if name and system else name or agent


def is_apple(agent: str) -> bool:
    """Return True if the system's shortcuts use the Command key instead of Control."""
    return any(name in agent for name in ("Macintosh", "iPhone", "iPad"))
