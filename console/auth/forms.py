"""allauth's forms, with wrong passwords and passkeys counted and recorded."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm
from allauth.core import context
from allauth.mfa import signals
from allauth.mfa.adapter import get_adapter as mfa_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django.core.exceptions import ValidationError

from console.models import User


class PasswordChangeForm(ChangePasswordForm):  # type: ignore[misc]  # allauth has no types
    """Asks for the current password, and treats a wrong one like a failed re-authentication."""

    user: User

    def clean_oldpassword(self) -> str:
        """Check the current password."""
        password = str(self.cleaned_data["oldpassword"])
        if not get_adapter().reauthenticate(self.user, password):
            raise get_adapter().validation_error("enter_current_password")
        return password


class _AnyCredential:
    """Takes any text for a passkey's answer: one that can't be read is an incorrect one.

    allauth and fido2 raise these for answers that no browser makes, such as deeply nested JSON.
    """

    def full_clean(self) -> None:
        """Clean the form."""
        try:
            super().full_clean()  # type: ignore[misc]  # of allauth's form
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            problem = mfa_adapter().validation_error("incorrect_code")
            self.data = self.data.copy()  # type: ignore[has-type]  # of allauth's form
            self.data["credential"] = ""  # showing it again would fail as well
            self.cleaned_data: dict[str, Any] = {}
            self.add_error("credential", problem)  # type: ignore[attr-defined]  # of allauth's form


class _RecordedPasskey(_AnyCredential):
    """Checks a passkey, and reports a failure as allauth does for codes."""

    user: User | None
    reauthenticated: bool

    def clean_credential(self) -> Any:
        """Check the passkey's answer."""
        try:
            return super().clean_credential()  # type: ignore[misc]  # of allauth's form
        except ValidationError:
            signals.authentication_failed.send(
                sender=Authenticator,
                request=context.request,
                user=self.user,
                authenticator=Authenticator.objects.filter(user=self.user).first(),
                reauthentication=self.reauthenticated,
            )
            raise


class PasswordlessForm(_AnyCredential, LoginWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """Signs in with a passkey alone."""


class AddPasskeyForm(_AnyCredential, AddWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """Adds a passkey or security key."""


class SignInPasskeyForm(_RecordedPasskey, AuthenticateWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """Asks for a passkey as the second factor at sign-in."""


class ReauthenticationPasskeyForm(_RecordedPasskey, ReauthenticateWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """Asks for a passkey to re-authenticate the signed-in user."""
