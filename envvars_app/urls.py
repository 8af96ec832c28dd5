"""URLs of the list and the edit mode of variables."""

from django.urls import path

from envvars_app.pages import variables as views

_VARIABLES = "apps/<str:app_id>/hosting/environment-variables/"

urlpatterns = [
    path(_VARIABLES, views.variables, name="variables"),
    path(f"{_VARIABLES}manage/", views.manage, name="variables_manage"),
]
