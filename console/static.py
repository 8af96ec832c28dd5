"""Static files under names that hold their content's hash."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedFiles(CompressedManifestStaticFilesStorage):
    """Also where one JavaScript module imports another."""

    support_js_module_import_aggregation = True
