"""URLs of what stands around the variables: bulk edit, copies, downloads, details, the removed."""

from django.urls import path

from envvars_app.pages import bulk as bulk_views
from envvars_app.pages import copy as copy_views
from envvars_app.pages import download as download_views
from envvars_app.pages import variable

_VARIABLES = "apps/<str:app_id>/hosting/environment-variables/"

urlpatterns = [
    path(f"{_VARIABLES}bulk/", bulk_views.bulk, name="variables_bulk"),
    path(f"{_VARIABLES}copy/", copy_views.copy, name="variables_copy"),
    path(f"{_VARIABLES}download/", download_views.download, name="variables_download"),
    path(f"{_VARIABLES}removed/", variable.removed, name="variables_removed"),
    path(f"{_VARIABLES}<int:pk>/", variable.detail, name="variable_detail"),
    path(f"{_VARIABLES}<int:pk>/restore/", variable.restore, name="variable_restore"),
    path(f"{_VARIABLES}<int:pk>/forget/", variable.forget, name="variable_forget"),
    path(f"{_VARIABLES}<int:pk>/move/", variable.move, name="variable_move"),
]
