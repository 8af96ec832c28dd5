"""Static files whose names contain a hash of their content."""

from functools import lru_cache

from whitenoise.storage import CompressedManifestStaticFilesStorage

_IMPORT = (r'(?P<matched>\bfrom "(?P<url>\.[^"]+)";)', 'from "%(url)s";')


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # no types
    """Also rewrites imports between our own JavaScript modules to hashed names.

    Django's setting for this would process other packages' scripts too, and some of those import
    names that are not files.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("js/*.js", (_IMPORT,)))

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.url = lru_cache(super().url)  # names don't change while the server runs
