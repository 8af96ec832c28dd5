"""URLs of the secrets pages, and of what looks at the store."""

from django.urls import path

from secrets_app.pages import branch_delete as branch_views
from secrets_app.pages import operations, probes
from secrets_app.pages import secrets as views

_SECRETS = "apps/<str:app_id>/hosting/secrets/"

urlpatterns = [
    path(_SECRETS, views.secrets, name="secrets"),
    path(f"{_SECRETS}manage/", views.manage, name="secrets_manage"),
    path(f"{_SECRETS}revalidate/", views.revalidate, name="secrets_revalidate"),
    path(f"{_SECRETS}<int:pk>/", views.detail, name="secret_detail"),
    path(f"{_SECRETS}<int:pk>/reveal/", views.reveal, name="secret_reveal"),
    path(f"{_SECRETS}<int:pk>/mirror/", views.mirror, name="secret_mirror"),
    path(
        "apps/<str:app_id>/settings/branches/<int:pk>/delete/",
        branch_views.branch_delete,
        name="branch_delete",
    ),
    path("readyz", probes.readyz, name="readyz"),
    path("metrics", probes.metrics, name="metrics"),
    path("operation/doctor/", operations.doctor, name="doctor"),
    path("operation/store/", operations.store, name="store_health"),
]
