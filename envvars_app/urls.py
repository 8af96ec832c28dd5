"""URLs of environment variables and build settings.

Build settings take their scope from `?branch=<id>`; without it, they are those of All branches.
"""

from django.urls import path

from console.pages.explaining import why
from console.pages.key_types import key_type
from console.pages.notes import key_note
from envvars_app.pages import (
    amplify,
    build_settings,
    bulk,
    copy,
    download,
    in_place,
    pipe,
    variable,
    variables,
)

_VARIABLES = "apps/<str:app_id>/hosting/environment-variables/"
_BUILD = "apps/<str:app_id>/hosting/build-settings/"

urlpatterns = [
    path(_VARIABLES, variables.variables, name="variables"),
    path(f"{_VARIABLES}manage/", variables.manage, name="variables_manage"),
    path(f"{_VARIABLES}bulk/", bulk.bulk, name="variables_bulk"),
    path(f"{_VARIABLES}copy/", copy.copy, name="variables_copy"),
    path(f"{_VARIABLES}download/", download.download, name="variables_download"),
    path(f"{_VARIABLES}amplify/", amplify.differences, name="variables_amplify"),
    path(f"{_VARIABLES}amplify/push/", amplify.push, name="variables_push"),
    path(f"{_VARIABLES}amplify/<int:pk>/use/", amplify.use, name="variable_use"),
    path(f"{_VARIABLES}amplify/<int:pk>/keep/", amplify.keep, name="variable_keep"),
    path(f"{_VARIABLES}amplify/maps/<int:pk>/", amplify.map_version, name="map_version"),
    path(f"{_VARIABLES}<int:pk>/", variable.detail, name="variable_detail"),
    path(f"{_VARIABLES}<int:pk>/edit/", in_place.edit, name="variable_edit"),
    path(f"{_VARIABLES}<int:pk>/note/", key_note, {"noun": "variable"}, name="variable_note"),
    path(f"{_VARIABLES}<int:pk>/type/", key_type, {"noun": "variable"}, name="variable_type"),
    path(f"{_VARIABLES}<int:pk>/why/", why, {"noun": "variable"}, name="variable_why"),
    path(f"{_VARIABLES}<int:pk>/restore/", variable.restore, name="variable_restore"),
    path(f"{_VARIABLES}<int:pk>/forget/", variable.erase_history, name="variable_forget"),
    path(f"{_VARIABLES}<int:pk>/move/", variable.move, name="variable_move"),
    path(_BUILD, build_settings.build_settings, name="build_settings"),
    path(f"{_BUILD}edit/", build_settings.edit, name="build_edit"),
    path(f"{_BUILD}amplify/use/", amplify.use_build_spec, name="build_use"),
    path(f"{_BUILD}amplify/keep/", amplify.keep_build_spec, name="build_keep"),
    path(f"{_BUILD}remove/", build_settings.remove, name="build_remove"),
    path(f"{_BUILD}download/", build_settings.download, name="build_download"),
    path(f"{_BUILD}pipe/", pipe.pipe, name="build_pipe"),
    path(f"{_BUILD}versions/<int:pk>/", build_settings.version, name="build_version"),
    path(f"{_BUILD}versions/<int:pk>/restore/", build_settings.restore, name="build_restore"),
]
