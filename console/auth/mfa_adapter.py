"""What allauth asks about second factors: how secrets are kept, and whether a code is right."""

from typing import Any
from urllib.parse import urlsplit

from allauth.core import context
from allauth.mfa import signals
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from qrcode import QRCode
from qrcode.image.svg import SvgPathImage

from console.auth import encryption, rate_limits, recovery_codes
from console.models import User

PRODUCT = "Branchkeep"
WRONG = "This code is incorrect or has already been used. Wait for the next one, then try again."


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Secrets are sealed; the QR code is drawn into the page: the policy allows no data: URL."""

    error_messages = DefaultMFAAdapter.error_messages | {"incorrect_code": WRONG}

    def encrypt(self, text: str) -> str:
        """Seal a secret."""
        return encryption.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Return a secret; never an empty one, whose codes anybody could compute."""
        return encryption.unseal(encrypted_text)

    def build_totp_svg(self, url: str) -> str:
        """Return the QR code as an element."""
        code = QRCode(border=2)
        code.add_data(url)
        return str(code.make_image(image_factory=SvgPathImage).to_string(encoding="unicode"))

    def generate_authenticator_name(self, user: User, type: str) -> str:
        """Suggest a passkey's name."""
        count = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {count + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return for whom passkeys are made: the host by which browsers know the console."""
        host = urlsplit(f"//{context.request.get_host()}").hostname
        return {"id": str(host), "name": PRODUCT}


class _CountedCode:
    """A form that asks for a code of the app, or a recovery code."""

    user: User
    cleaned_data: dict[str, Any]
    authenticator: Authenticator

    def clean_code(self) -> str:
        """Count the try as a password's is, before anything is computed; look the code up."""
        usage = rate_limits.take(context.request, self.user.email, "code")
        code = str(self.cleaned_data["code"])
        found = _matching(self.user, code)
        if found is None:
            self._tell()
            raise SecondFactors().validation_error("incorrect_code")
        found.user = self.user
        self.authenticator = found
        usage.rollback()
        return code

    def _tell(self) -> None:
        signals.authentication_failed.send(
            sender=Authenticator,
            request=context.request,
            user=self.user,
            authenticator=Authenticator.objects.filter(user=self.user).first(),
            reauthentication=isinstance(self, ReauthenticateForm),
        )


def _matching(user: User, code: str) -> Authenticator | None:
    app = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).first()
    if app and app.wrap().validate_code(code):
        return app
    return recovery_codes.use(user, code)


class SignInCode(_CountedCode, AuthenticateForm):  # type: ignore[misc]  # allauth has no types
    """The code at the sign-in."""


class ConfirmingCode(_CountedCode, ReauthenticateForm):  # type: ignore[misc]  # allauth has no types
    """The code that confirms who is signed in."""
