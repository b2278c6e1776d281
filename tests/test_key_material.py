"""The form of API keys and signing keys."""

import hashlib

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from waiting_list.access.api_keys import ApiKey, derived_api_key, new_api_key, parse_api_key
from waiting_list.key_material import new_signing_key


def test_a_key_is_read_back_and_matches_its_own_hash_only() -> None:
    key = new_api_key()
    assert (len(key.key_id), len(key.secret)) == (12, 64)
    assert new_api_key() != key
    assert str(key) == f"wl_{key.key_id}_{key.secret}"
    assert parse_api_key(str(key)) == key
    assert key.secret_hash == hashlib.sha256(key.secret.encode()).digest()
    assert key.matches(key.secret_hash)
    assert not key.matches(new_api_key().secret_hash)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wl",
        "wl_a",
        "wl_a_b_c",
        "xx_a_b",
        "WL_a_b",
        "wl_a_é",
        "wl-a-b",
        "wl__",
        "wl_a_",
        "wl_\x00_b",
        "wl_a-_b",
    ],
)
def test_what_is_no_key_is_none(text: str) -> None:
    assert parse_api_key(text) is None


def test_a_derived_key_follows_from_all_that_it_is_made_of() -> None:
    key = derived_api_key(b"secret", key_id="a", source="b")
    # Repeated requests find their key by this: it must never change.
    assert key == ApiKey("a", "2a9b674492a7ed767e2ac259e94f194335db4ac80afc9df7472e039e03270310")
    assert key == derived_api_key(b"secret", key_id="a", source="b")
    others = [
        derived_api_key(b"other", key_id="a", source="b"),
        derived_api_key(b"secret", key_id="c", source="b"),
        derived_api_key(b"secret", key_id="a", source="c"),
        derived_api_key(b"secret", key_id="ab", source=""),
    ]
    assert len({key.secret, *(other.secret for other in others)}) == 5


def test_signing_keys_are_of_the_kind_that_their_purpose_needs() -> None:
    secret = new_signing_key("user_token")
    assert len(secret) == 32
    assert secret != new_signing_key("user_token")
    assert len(new_signing_key("derived")) == 32
    private = load_pem_private_key(new_signing_key("purchase_pass"), password=None)
    assert isinstance(private, Ed25519PrivateKey)
    assert jwt.decode(jwt.encode({"a": 1}, private, "EdDSA"), private.public_key(), ["EdDSA"]) == {"a": 1}
