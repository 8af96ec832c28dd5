"""Adapt allauth's second factors: encrypted secrets, rate-limited codes, our recovery codes."""

from typing import Any
from urllib.parse import urlsplit

from allauth.core import context
from allauth.mfa import signals
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from qrcode import QRCode
from qrcode.image.svg import SvgPathImage

from console.auth import encryption, rate_limits
from console.auth.mfa import recovery_codes
from console.models import User

PRODUCT = "Branchkeep"
INCORRECT_CODE = (
    "This code is incorrect or has already been used. Wait for the next one, then try again."
)


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Encrypts secrets, and draws the QR code inline because the CSP forbids data: URLs."""

    error_messages = DefaultMFAAdapter.error_messages | {"incorrect_code": INCORRECT_CODE}

    def encrypt(self, text: str) -> str:
        """Return the secret encrypted."""
        return encryption.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret, never an empty one: anyone could compute its codes."""
        return encryption.decrypt(encrypted_text)

    def build_totp_svg(self, url: str) -> str:
        """Return the QR code as an SVG element."""
        code = QRCode(border=2)
        code.add_data(url)
        return str(code.make_image(image_factory=SvgPathImage).to_string(encoding="unicode"))

    def generate_authenticator_name(self, user: User, type: str) -> str:
        """Return a suggestion for a passkey's name."""
        count = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {count + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return the relying party of passkeys: the host that browsers use."""
        host = urlsplit(f"//{context.request.get_host()}").hostname
        return {"id": str(host), "name": PRODUCT}


class _RateLimitedCode:
    """Checks a code from an authenticator app, or a recovery code."""

    user: User
    cleaned_data: dict[str, Any]
    authenticator: Authenticator

    def clean_code(self) -> str:
        """Count the attempt as for passwords, before anything is computed, then check the code."""
        usage = rate_limits.consume(context.request, self.user.email, "code")
        code = str(self.cleaned_data["code"])
        found = _find_authenticator(self.user, code)
        if found is None:
            self._report_failure()
            raise MfaAdapter().validation_error("incorrect_code")
        found.user = self.user
        self.authenticator = found
        usage.rollback()
        return code

    def _report_failure(self) -> None:
        signals.authentication_failed.send(
            sender=Authenticator,
            request=context.request,
            user=self.user,
            authenticator=Authenticator.objects.filter(user=self.user).first(),
            reauthentication=isinstance(self, ReauthenticateForm),
        )


def _find_authenticator(user: User, code: str) -> Authenticator | None:
    app = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).first()
    if app and app.wrap().validate_code(code):
        return app
    return recovery_codes.consume(user, code)


class SignInCodeForm(_RateLimitedCode, AuthenticateForm):  # type: ignore[misc]  # allauth has no types
    """Asks for a code at sign-in."""


class ReauthenticationCodeForm(_RateLimitedCode, ReauthenticateForm):  # type: ignore[misc]  # allauth has no types
    """Asks for a code to re-authenticate the signed-in user."""
