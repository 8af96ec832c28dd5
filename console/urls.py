"""Every URL. A branch or key is addressed by its row's id, never by its name."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from console import views

in_app: list[URLPattern | URLResolver] = [
    path("", views.overview, name="overview"),
    path("activity/", views.activity, name="activity"),
    path("settings/general/", views.general, name="general"),
    path("settings/branches/", views.branches, name="branches"),
    path("settings/branches/add/", views.branch_add, name="branch_add"),
    path("settings/branches/<int:pk>/", views.branch_edit, name="branch_edit"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.apps, name="apps"),
    path("apps/new/", views.app_new, name="app_new"),
    path("apps/<str:app_id>/", include(in_app)),
    path("setup/<str:token>/", views.first_operator, name="setup"),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
    path("healthz", views.healthz, name="healthz"),
    path("", include("secrets_app.urls")),
]

handler400 = "console.errors.bad_request"
handler403 = "console.errors.denied"
handler404 = "console.errors.not_found"
handler500 = "console.errors.failed"
