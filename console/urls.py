"""Every URL. A branch or key is addressed by its row's id, never by its name."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from console.pages import account as account_views
from console.pages import activity as audit_views
from console.pages import apps as views
from console.pages import exposure, invitations, members, sso
from console.pages import notifications as notices_views

in_app: list[URLPattern | URLResolver] = [
    path("", views.overview, name="overview"),
    path("activity/", audit_views.activity, name="activity"),
    path("activity/export/", audit_views.export_activity, name="activity_export"),
    path("settings/general/", views.general, name="general"),
    path("settings/branches/", views.branches, name="branches"),
    path("settings/branches/add/", views.branch_add, name="branch_add"),
    path("settings/branches/<int:pk>/", views.branch_edit, name="branch_edit"),
    path("settings/notifications/", notices_views.notifications, name="notifications"),
    path("settings/members/", members.member_list, name="members"),
    path("settings/members/invite/", members.member_invite, name="member_invite"),
    path("settings/members/group/", members.member_group, name="member_group"),
    path("settings/members/decision/", members.member_decision, name="member_decision"),
    path("settings/members/left/", exposure.members_left, name="members_left"),
    path("settings/members/<int:pk>/", members.member, name="member"),
    path("settings/members/<int:pk>/remove/", members.member_remove, name="member_remove"),
    path("settings/members/people/<int:pk>/known/", exposure.known, name="known"),
    path(
        "settings/members/invitations/<int:pk>/withdraw/",
        members.invitation_withdraw,
        name="invitation_withdraw",
    ),
]

second_factor: list[URLPattern | URLResolver] = [
    path("", mfa.index, name="mfa_index"),
    path("app/add/", totp.activate_totp, name="mfa_activate_totp"),
    path("app/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("passkeys/", RedirectView.as_view(pattern_name="mfa_index"), name="mfa_list_webauthn"),
    path("passkeys/add/", webauthn.add_webauthn, name="mfa_add_webauthn"),
    path("passkeys/<int:pk>/rename/", webauthn.edit_webauthn, name="mfa_edit_webauthn"),
    path("passkeys/<int:pk>/remove/", webauthn.remove_webauthn, name="mfa_remove_webauthn"),
    path("recovery-codes/", account_views.my_recovery_codes, name="my_recovery_codes"),
]

# Of allauth's pages those alone that work here: no mail is sent, and an address is an identity
accounts: list[URLPattern | URLResolver] = [
    path("login/", account_views.sign_in, name="account_login"),
    path("single-sign-on/", sso.single_sign_on, name="single_sign_on"),
    path("single-sign-on/callback/", sso.callback, name="openid_connect_callback"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("signup/", account.signup, name="account_signup"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path(
        "password/change/",
        account_views.with_passwords(account.password_change),
        name="account_change_password",
    ),
    path("sessions/", account_views.my_sessions, name="my_sessions"),
    path("code/", mfa.authenticate, name="mfa_authenticate"),
    path(
        "passkey/",
        account_views.with_passwords(webauthn.login_webauthn),
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
    path("", views.apps, name="apps"),
    path("apps/new/", views.app_new, name="app_new"),
    path("apps/<str:app_id>/", include(in_app)),
    path("activity/", audit_views.all_activity, name="all_activity"),
    path("activity/export/", audit_views.export_all_activity, name="all_activity_export"),
    path("setup/<str:token>/", views.first_operator, name="setup"),
    path("invitations/<str:token>/", invitations.invitation, name="invitation"),
    path("people/<int:pk>/known/", exposure.known_everywhere, name="known_everywhere"),
    path("accounts/", include(accounts)),
    path("admin/", admin.site.urls),
    path("healthz", views.healthz, name="healthz"),
    path("", include("envvars_app.urls")),
    path("", include("envvars_app.more_urls")),
    path("", include("secrets_app.urls")),
    path("", include("envvars_app.build_urls")),
]

handler400 = "console.web.errors.bad_request"
handler403 = "console.web.errors.denied"
handler404 = "console.web.errors.not_found"
handler500 = "console.web.errors.failed"
