"""URLs of the pages for secrets, health and metrics."""

from django.urls import path

from console.pages.explaining import why
from console.pages.key_types import key_type
from console.pages.notes import key_note
from secrets_app.pages import (
    copying,
    detail,
    drift,
    gen1,
    in_place,
    mirrors,
    operations,
    probes,
    secrets,
    server_rendering,
    unknown,
    versions,
)
from secrets_app.pages.hosting import project, values

_SECRETS = "apps/<str:app_id>/hosting/secrets/"
_VALUES = "apps/<str:app_id>/hosting/self-managed/"
_PROJECT = "apps/<str:app_id>/settings/hosting-project/"

urlpatterns = [
    path(_SECRETS, secrets.secrets, name="secrets"),
    path(f"{_SECRETS}manage/", secrets.manage, name="secrets_manage"),
    path(f"{_SECRETS}revalidate/", secrets.revalidate, name="secrets_revalidate"),
    path(f"{_SECRETS}mirrors/", mirrors.finish, name="secrets_mirrors"),
    path(f"{_SECRETS}<int:pk>/", detail.detail, name="secret_detail"),
    path(f"{_SECRETS}<int:pk>/edit/", in_place.edit, name="secret_edit"),
    path(f"{_SECRETS}<int:pk>/note/", key_note, {"noun": "secret"}, name="secret_note"),
    path(f"{_SECRETS}<int:pk>/type/", key_type, {"noun": "secret"}, name="secret_type"),
    path(f"{_SECRETS}<int:pk>/why/", why, {"noun": "secret"}, name="secret_why"),
    path(f"{_SECRETS}<int:pk>/reveal/", detail.reveal, name="secret_reveal"),
    path(f"{_SECRETS}<int:pk>/versions/", versions.versions, name="secret_versions"),
    path(f"{_SECRETS}<int:pk>/versions/compare/", versions.compare, name="secret_compare"),
    path(f"{_SECRETS}<int:pk>/versions/restore/", versions.restore, name="secret_restore"),
    path(f"{_SECRETS}<int:pk>/mirror/", mirrors.repair, name="secret_mirror"),
    path(f"{_SECRETS}<int:pk>/encrypt/", mirrors.encrypt, name="secret_encrypt"),
    path(
        f"{_SECRETS}server-rendering/",
        server_rendering.server_rendering,
        name="server_rendering",
    ),
    path(f"{_SECRETS}copy/", copying.copy_paths, name="secrets_copy"),
    path(f"{_SECRETS}drift/", drift.drift, name="drift"),
    path(f"{_SECRETS}drift/check/", drift.check, name="drift_check"),
    path(f"{_SECRETS}drift/<int:pk>/put-back/", drift.put_back, name="drift_put_back"),
    path(f"{_SECRETS}drift/<int:pk>/take/", drift.take, name="drift_take"),
    path(f"{_SECRETS}drift/<int:pk>/ignore/", drift.ignore, name="drift_ignore"),
    path(f"{_SECRETS}gen1/", gen1.gen1, name="gen1"),
    path(f"{_SECRETS}unknown/", unknown.unknown, name="unknown_parameters"),
    path(f"{_SECRETS}unknown/<int:pk>/branch/", unknown.adopt, name="unknown_adopt"),
    path(f"{_SECRETS}unknown/move/", unknown.orphans_move, name="orphans_move"),
    path(_VALUES, values.hosting_values, name="hosting_values"),
    path(f"{_VALUES}reveal/", values.hosting_reveal, name="hosting_reveal"),
    path(f"{_VALUES}remove/", values.hosting_remove, name="hosting_remove"),
    path(f"{_VALUES}restore/", values.hosting_restore, name="hosting_restore"),
    path(_PROJECT, project.hosting_project, name="hosting_project"),
    path(f"{_PROJECT}release/", project.hosting_release, name="hosting_release"),
    path("readyz", probes.readyz, name="readyz"),
    path("metrics", probes.metrics, name="metrics"),
    path("operation/doctor/", operations.doctor, name="doctor"),
    path("operation/orphans/", unknown.all_orphans, name="all_orphans"),
    path("operation/store/", operations.store, name="store_health"),
]
