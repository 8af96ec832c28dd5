"""URLs of what stands around the variables: bulk edit, copies, downloads, details, the removed."""

from django.urls import path

from envvars_app import bulk_views, copy_views, detail_views, download_views

_VARIABLES = "apps/<str:app_id>/hosting/environment-variables/"

urlpatterns = [
    path(f"{_VARIABLES}bulk/", bulk_views.bulk, name="variables_bulk"),
    path(f"{_VARIABLES}copy/", copy_views.copy, name="variables_copy"),
    path(f"{_VARIABLES}download/", download_views.download, name="variables_download"),
    path(f"{_VARIABLES}removed/", detail_views.removed, name="variables_removed"),
    path(f"{_VARIABLES}<int:pk>/", detail_views.detail, name="variable_detail"),
    path(f"{_VARIABLES}<int:pk>/restore/", detail_views.restore, name="variable_restore"),
    path(f"{_VARIABLES}<int:pk>/forget/", detail_views.forget, name="variable_forget"),
    path(f"{_VARIABLES}<int:pk>/move/", detail_views.move, name="variable_move"),
]
