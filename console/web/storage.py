"""Static files under names that hold their content's hash."""

from functools import lru_cache

from whitenoise.storage import CompressedManifestStaticFilesStorage

_IMPORT = (r'(?P<matched>\bfrom "(?P<url>\.[^"]+)";)', 'from "%(url)s";')


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # no types
    """Our own JavaScript modules import each other by their hashed names too.

    Django's switch for it would also read other packages' scripts, of which some import by a
    name that is no file.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("js/*.js", (_IMPORT,)))

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.url = lru_cache(super().url)  # the names are read once, when the console starts
