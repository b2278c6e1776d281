"""Write what browsers need for passkeys, and verify what authenticators answer (W3C Web Authentication). No I/O.

The library does both. Each function loads it, because most processes never need it. Call them in a thread.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from waiting_list.access.passkey_challenges import LIFETIME, PasskeyRefused, RelyingParty

_TIMEOUT_MILLISECONDS = int(LIFETIME.total_seconds() * 1000)
_LONGEST_CREDENTIAL_ID = 1023
_SIGNATURES = (-8, -7, -257)
"""The algorithms of passkeys: EdDSA, ES256 and RS256 (IANA COSE). Every authenticator knows one of them."""


class Known(NamedTuple):
    """A credential that a member has already."""

    credential_id: bytes
    transports: Sequence[str]


class NewPasskey(NamedTuple):
    """What an authenticator says of a credential that it made. `transports` are hints of how to reach it."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: Sequence[str]
    is_backed_up: bool


class Assertion(NamedTuple):
    """What an authenticator says at a sign-in. `sign_count` is 0 if it counts nothing."""

    sign_count: int
    is_backed_up: bool


def options_to_add(
    party: RelyingParty, challenge: bytes, known: Sequence[Known], *, member_id: str, address: str, name: str
) -> str:
    """Return the options to make a passkey, as JSON. `address` tells it apart in the list of the authenticator."""
    import webauthn  # noqa: PLC0415 - see above
    from webauthn.helpers import cose, structs  # noqa: PLC0415

    options = webauthn.generate_registration_options(
        rp_id=party.domain,
        rp_name=party.domain,
        user_id=member_id.encode(),
        user_name=address,
        user_display_name=name,
        challenge=challenge,
        timeout=_TIMEOUT_MILLISECONDS,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            structs.PublicKeyCredentialDescriptor(
                id=one.credential_id,
                transports=[structs.AuthenticatorTransport(transport) for transport in one.transports],
            )
            for one in known
        ],
        supported_pub_key_algs=[cose.COSEAlgorithmIdentifier(one) for one in _SIGNATURES],
    )
    return webauthn.options_to_json(options)


def options_to_sign_in(party: RelyingParty, challenge: bytes) -> str:
    """Return the options to sign in with any passkey of this domain, as JSON."""
    import webauthn  # noqa: PLC0415
    from webauthn.helpers import structs  # noqa: PLC0415

    options = webauthn.generate_authentication_options(
        rp_id=party.domain,
        challenge=challenge,
        timeout=_TIMEOUT_MILLISECONDS,
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def named(credential: str) -> tuple[bytes, bytes]:
    """Return the id of a credential (JSON) and the challenge that it answers, both not verified yet.

    Raises PasskeyRefused.
    """
    from webauthn.helpers import parse_authentication_credential_json, parse_client_data_json  # noqa: PLC0415

    with _refusing():
        answer = parse_authentication_credential_json(credential)
        return answer.raw_id, parse_client_data_json(answer.response.client_data_json).challenge


def challenge_of_new(credential: str) -> bytes:
    """Return the challenge that a new credential answers, not verified yet. Raises PasskeyRefused."""
    from webauthn.helpers import parse_client_data_json, parse_registration_credential_json  # noqa: PLC0415

    with _refusing():
        answer = parse_registration_credential_json(credential)
        return parse_client_data_json(answer.response.client_data_json).challenge


def verified_new(party: RelyingParty, challenge: bytes, credential: str) -> NewPasskey:
    """Verify a credential that an authenticator made after it verified its user. Raises PasskeyRefused."""
    import webauthn  # noqa: PLC0415
    from webauthn.helpers import cose, parse_registration_credential_json  # noqa: PLC0415

    with _refusing():
        answer = parse_registration_credential_json(credential)
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.domain,
            expected_origin=party.origin,
            require_user_verification=True,
            supported_pub_key_algs=[cose.COSEAlgorithmIdentifier(one) for one in _SIGNATURES],
        )
        if made.credential_id != answer.raw_id or len(made.credential_id) > _LONGEST_CREDENTIAL_ID:
            raise PasskeyRefused("the id of the credential differs, or is too long")
        transports = sorted({one.value for one in answer.response.transports or ()})
        return NewPasskey(
            made.credential_id,
            made.credential_public_key,
            made.sign_count,
            transports,
            made.credential_backed_up,
        )


def verified_sign_in(
    party: RelyingParty, challenge: bytes, credential: str, *, member_id: str, public_key: bytes
) -> Assertion:
    """Verify the answer of a member's authenticator, which must have verified its user. Raises PasskeyRefused.

    The caller compares the sign count with the one before.
    """
    import webauthn  # noqa: PLC0415
    from webauthn.helpers import parse_authentication_credential_json  # noqa: PLC0415

    with _refusing():
        answer = parse_authentication_credential_json(credential)
        if answer.response.user_handle != member_id.encode():
            raise PasskeyRefused("the authenticator names another user")
        proved = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.domain,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
        return Assertion(proved.new_sign_count, proved.credential_backed_up)


@contextmanager
def _refusing() -> Iterator[None]:
    # The library lets errors of its parsers through, of any type, and each means that the bytes are wrong.
    try:
        yield
    except PasskeyRefused:
        raise
    except Exception as error:
        raise PasskeyRefused(str(error)) from error
