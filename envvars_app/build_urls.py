"""URLs of the build settings. The scope is `?branch=` and a branch's id; none is All branches."""

from django.urls import path

from envvars_app.pages import build_settings as views
from envvars_app.pages import pipe as pipe_views

_BUILD = "apps/<str:app_id>/hosting/build-settings/"

urlpatterns = [
    path(_BUILD, views.build_settings, name="build_settings"),
    path(f"{_BUILD}edit/", views.edit, name="build_edit"),
    path(f"{_BUILD}remove/", views.remove, name="build_remove"),
    path(f"{_BUILD}download/", views.download, name="build_download"),
    path(f"{_BUILD}pipe/", pipe_views.pipe, name="build_pipe"),
    path(f"{_BUILD}versions/<int:pk>/", views.version, name="build_version"),
    path(f"{_BUILD}versions/<int:pk>/restore/", views.restore, name="build_restore"),
]
