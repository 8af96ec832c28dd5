"""All URLs. A branch or key is addressed by its row id, never by its name."""

from allauth.account import views as allauth_account
from allauth.mfa.base import views as mfa
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.cache import never_cache
from django.views.generic import RedirectView

from console.pages import health, warnings
from console.pages.account import links, setup, single_sign_on
from console.pages.account import views as account
from console.pages.activity import change_set, recycle_bin
from console.pages.activity import views as activity
from console.pages.amplify import connection, deployments, import_apps
from console.pages.apps import branch_delete, branches, notifications, overview, previews
from console.pages.apps import views as apps
from console.pages.compare import code, copying, previewing, removing
from console.pages.compare import views as compare
from console.pages.importing import views as importing
from console.pages.members import exposure, invitations
from console.pages.members import views as members
from console.pages.search import views as search

_BIN = "hosting/secrets/bin/"

in_app: list[URLPattern | URLResolver] = [
    path("compare/", compare.compare, name="compare"),
    path("compare/check/", compare.check, name="compare_check"),
    path("compare/copy/", copying.copy, name="compare_copy"),
    path("compare/<int:pk>/", previewing.preview, name="preview"),
    path("compare/remove/", removing.remove, name="compare_remove"),
    path("compare/code/", code.check_code, name="check_code"),
    path("compare/export/", compare.export, name="compare_export"),
    path("", overview.overview, name="overview"),
    path("check/", overview.check, name="overview_check"),
    path("first-steps/hide/", overview.hide_steps, name="first_steps_hide"),
    path("warnings/", warnings.warnings, name="warnings"),
    path("activity/", activity.activity, name="activity"),
    path("changes/<uuid:change_set>/", change_set.change_set, name="change_set"),
    path("activity/export/", activity.export_activity, name="activity_export"),
    path("hosting/secrets/import/", importing.import_text, name="import"),
    path("hosting/deployments/", deployments.deployments, name="deployments"),
    path("hosting/deployments/refresh/", deployments.refresh, name="deployments_refresh"),
    path("hosting/deployments/<int:pk>/start/", deployments.start, name="deployment_start"),
    path("hosting/deployments/<int:pk>/stop/", deployments.stop, name="deployment_stop"),
    path(_BIN, recycle_bin.recycle_bin_page, name="bin"),
    path(f"{_BIN}<str:noun>/<int:pk>/restore/", recycle_bin.bin_restore, name="bin_restore"),
    path(f"{_BIN}<str:noun>/<int:pk>/delete/", recycle_bin.bin_delete, name="bin_delete"),
    path("settings/general/", apps.general, name="general"),
    path("settings/amplify/", connection.app_connect, name="app_connect"),
    path("settings/amplify/disconnect/", connection.app_disconnect, name="app_disconnect"),
    path("amplify/refresh/", connection.amplify_refresh, name="amplify_refresh"),
    path("settings/branches/", branches.branches, name="branches"),
    path("settings/branches/add/", branches.branch_add, name="branch_add"),
    path("settings/branches/<int:pk>/", branches.branch_edit, name="branch_edit"),
    path("settings/branches/<int:pk>/delete/", branch_delete.branch_delete, name="branch_delete"),
    path("settings/previews/", previews.preview_rules, name="preview_rules"),
    path("settings/notifications/", notifications.notifications, name="notifications"),
    path("settings/members/", members.member_list, name="members"),
    path("settings/members/invite/", members.member_invite, name="member_invite"),
    path("settings/members/group/", members.member_group, name="member_group"),
    path("settings/members/decision/", members.member_decision, name="member_decision"),
    path("settings/members/left/", exposure.members_left, name="members_left"),
    path("settings/members/<int:pk>/", members.member, name="member"),
    path("settings/members/<int:pk>/remove/", members.member_remove, name="member_remove"),
    path("settings/members/people/<int:pk>/known/", exposure.known, name="known"),
    path(
        "settings/members/people/<int:pk>/confirm/", members.member_confirm, name="member_confirm"
    ),
    path(
        "settings/members/invitations/<int:pk>/withdraw/",
        members.invitation_withdraw,
        name="invitation_withdraw",
    ),
]

second_factor: list[URLPattern | URLResolver] = [
    path("", mfa.index, name="mfa_index"),
    path("app/add/", never_cache(totp.activate_totp), name="mfa_activate_totp"),  # has a secret
    path("app/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("passkeys/", RedirectView.as_view(pattern_name="mfa_index"), name="mfa_list_webauthn"),
    path("passkeys/add/", webauthn.add_webauthn, name="mfa_add_webauthn"),
    path("passkeys/<int:pk>/rename/", webauthn.edit_webauthn, name="mfa_edit_webauthn"),
    path("passkeys/<int:pk>/remove/", webauthn.remove_webauthn, name="mfa_remove_webauthn"),
    path("recovery-codes/", account.my_recovery_codes, name="my_recovery_codes"),
]

# Only those of allauth's pages that work here: no mail is sent for accounts, and an email address
# identifies its user.
accounts: list[URLPattern | URLResolver] = [
    path("login/", account.sign_in, name="account_login"),
    path("single-sign-on/", single_sign_on.single_sign_on, name="single_sign_on"),
    path("single-sign-on/callback/", single_sign_on.callback, name="openid_connect_callback"),
    path("logout/", allauth_account.logout, name="account_logout"),
    path("inactive/", allauth_account.account_inactive, name="account_inactive"),
    path("signup/", allauth_account.signup, name="account_signup"),
    path("confirm/", account.confirm, name="account_confirm"),
    path("reauthenticate/", allauth_account.reauthenticate, name="account_reauthenticate"),
    path(
        "password/change/",
        account.with_passwords(allauth_account.password_change),
        name="account_change_password",
    ),
    path("link/<str:token>/", links.account_link, name="account_link"),
    path("suspension/end/", account.end_suspension, name="end_suspension"),
    path("sessions/", account.my_sessions, name="my_sessions"),
    path("preferences/", account.preferences, name="preferences"),
    path("code/", mfa.authenticate, name="mfa_authenticate"),
    path(
        "passkey/",
        account.with_passwords(webauthn.login_webauthn),
        name="mfa_login_webauthn",
    ),
    path("reauthenticate/code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path(
        "reauthenticate/passkey/",
        webauthn.reauthenticate_webauthn,
        name="mfa_reauthenticate_webauthn",
    ),
    path("second-factor/", include(second_factor)),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", apps.apps, name="apps"),
    path("apps/new/", apps.app_new, name="app_new"),
    path("apps/import/", import_apps.app_import, name="app_import"),
    path("apps/<str:app_id>/", include(in_app)),
    path("search/", search.search_page, name="search"),
    path("activity/", activity.all_activity, name="all_activity"),
    path("activity/export/", activity.export_all_activity, name="all_activity_export"),
    path("setup/<str:token>/", setup.first_operator, name="setup"),
    path("invitations/<str:token>/", invitations.invitation, name="invitation"),
    path("people/<int:pk>/known/", exposure.known_everywhere, name="known_everywhere"),
    path("accounts/", include(accounts)),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("", include("envvars_app.urls")),
    path("", include("secrets_app.urls")),
]

handler400 = "console.web.errors.bad_request"
handler403 = "console.web.errors.denied"
handler404 = "console.web.errors.not_found"
handler500 = "console.web.errors.failed"
