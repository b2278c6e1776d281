"""Settings from the environment: what counts as unset, what is refused and how, and secrets in files."""

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from waiting_list.environment import OF_CLIENTS, SettingsError, is_secret, names_of
from waiting_list.settings import Settings, read_settings

ROOT = Path(__file__).parent.parent
SECRETS = [name for name, info in Settings.model_fields.items() if is_secret(info)]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without any setting."""
    for name in os.environ:
        if name.startswith("WAITING_LIST_"):
            monkeypatch.delenv(name)


def problems() -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_settings()
    return caught.value.problems


def variables() -> Iterator[str]:
    for field in Settings.model_fields:
        yield from names_of(field)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("WAITING_LIST_POOLSIZE", "Did you mean WAITING_LIST_POOL_SIZE?"),
        ("WAITING_LIST_SMTP_PASWORD_FILE", "Did you mean WAITING_LIST_SMTP_PASSWORD_FILE?"),
        ("WAITING_LIST_SMTP_HOST_FILE", "Did you mean WAITING_LIST_SMTP_HOST?"),  # no secret, so no file
        ("WAITING_LIST_ENVFILE", "Did you mean WAITING_LIST_ENV_FILE?"),
        ("WAITING_LIST_COLOUR", "docs/settings.md lists the settings."),
        ("waiting_list_poolsize", "Did you mean WAITING_LIST_POOL_SIZE?"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(
    monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    monkeypatch.setenv(name, "1")
    assert problems() == [f"{name} is not a setting. {sentence}"]


def test_all_problems_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("WAITING_LIST_POOLSIZE", "5"),
        ("WAITING_LIST_POOL_SIZE", "1"),
        ("WAITING_LIST_WORKER", "perhaps"),
        ("WAITING_LIST_SMTP_PASSWORD_FILE", "/nowhere"),
        ("WAITING_LIST_SMTP_USERNAME", "quay"),
    ):
        monkeypatch.setenv(name, value)
    assert problems() == [
        "WAITING_LIST_SMTP_PASSWORD_FILE names /nowhere, which cannot be read: No such file or directory.",
        "WAITING_LIST_POOLSIZE is not a setting. Did you mean WAITING_LIST_POOL_SIZE?",
        "WAITING_LIST_POOL_SIZE must be at least 2.",
        "WAITING_LIST_WORKER must be true or false, not 'perhaps'.",
    ]


def test_contradictions_name_the_variables_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("WAITING_LIST_CHALLENGE_VERIFY_URL", "https://challenge.example/verify"),
        ("WAITING_LIST_USER_TOKEN_JWKS_URL", "https://id.example/keys"),
        ("WAITING_LIST_SMTP_USERNAME", "quay"),
    ):
        monkeypatch.setenv(name, value)
    assert problems() == [
        "WAITING_LIST_CHALLENGE_VERIFY_URL and WAITING_LIST_CHALLENGE_VERIFY_SECRET go together. "
        "Set both or neither.",
        "An identity provider also needs WAITING_LIST_USER_TOKEN_ISSUER and WAITING_LIST_USER_TOKEN_AUDIENCE.",
        "WAITING_LIST_SMTP_USERNAME and WAITING_LIST_SMTP_PASSWORD go together. Set both or neither.",
    ]


def test_empty_variables_count_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables():
        monkeypatch.setenv(name, "")
    assert read_settings() == Settings()
    assert read_settings().model_fields_set == set()


def test_what_kubernetes_says_about_a_service_of_our_name_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ("WAITING_LIST", "WAITING_LIST_SMTP", "WAITING_LIST_WORKER"):
        for name, value in (
            ("SERVICE_HOST", "10.96.0.7"),
            ("SERVICE_PORT", "8000"),
            ("SERVICE_PORT_HTTP", "8000"),
            ("PORT", "tcp://10.96.0.7:8000"),
            ("PORT_8000_TCP", "tcp://10.96.0.7:8000"),
            ("PORT_8000_TCP_PROTO", "tcp"),
            ("PORT_8000_TCP_PORT", "8000"),
            ("PORT_8000_TCP_ADDR", "10.96.0.7"),
        ):
            monkeypatch.setenv(f"{service}_{name}", value)
    assert read_settings().model_fields_set == set()
    monkeypatch.setenv("WAITING_LIST_SMTP_PORT", "2525")
    assert read_settings().smtp_port == 2525


def test_variables_of_the_examples_are_no_mistake_of_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {
        name
        for file in (ROOT / "examples").rglob("*.py")
        for name in re.findall(r"WAITING_LIST_[A-Z_]+", file.read_text())
    }
    assert named == OF_CLIENTS
    for name in named:
        monkeypatch.setenv(name, "x")
    read_settings()


@pytest.mark.parametrize("name", [name for field in SECRETS for name in names_of(field)])
def test_each_secret_can_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    file, value = tmp_path / "secret", "postgresql://quay:sesame@db/waiting" if "URL" in name else "sesame"
    file.write_text(f"{value}\r\n")
    monkeypatch.setenv(f"{name}_FILE", str(file))
    monkeypatch.setenv("WAITING_LIST_CHALLENGE_VERIFY_URL", "https://challenge.example/verify")
    monkeypatch.setenv("WAITING_LIST_SMTP_USERNAME", "quay")
    monkeypatch.setenv("WAITING_LIST_IMAGES_S3_ACCESS_KEY_ID", "quay")
    pairs = {"challenge_verify_secret", "smtp_password", "images_s3_secret_access_key"}
    for field in pairs - {name.removeprefix("WAITING_LIST_").lower()}:
        monkeypatch.setenv(names_of(field)[0], "other")
    field = name.removeprefix("WAITING_LIST_").lower()
    assert getattr(read_settings(), field) == SecretStr(value)

    monkeypatch.setenv(name, value)
    assert problems() == [f"{name} and {name}_FILE are both set. Keep one of them."]
    monkeypatch.delenv(name)
    for content, reason in ((None, "cannot be read: No such file or directory"), (b"\n", "is empty"),
                            (b"\xff", "cannot be read: it is not text in UTF-8")):  # fmt: skip
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)
        assert problems() == [f"{name}_FILE names {file}, which {reason}."]


def test_the_secrets_are_those_of_the_type() -> None:
    assert {"database_url", "smtp_password", "challenge_verify_secret"} <= set(SECRETS)
    assert set(SECRETS) == {
        name for name, info in Settings.model_fields.items() if "SecretStr" in str(info.annotation)
    }


def test_values_of_secrets_are_in_no_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in SECRETS:
        monkeypatch.setenv(names_of(field)[0], "nonsense:sesame")
    assert "sesame" not in "\n".join(problems())


@pytest.mark.parametrize("field", [name for name in Settings.model_fields if name not in SECRETS])
def test_every_setting_with_a_form_names_its_variable_when_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    annotation = Settings.model_fields[field].annotation
    kinds = {annotation, *(type(one) if isinstance(one, str) else one for one in get_args(annotation))}
    free = {
        "data_dir", "user_token_issuer", "user_token_audience", "user_token_organization_claim", "smtp_username",
        "images_s3_access_key_id", "apprise_schemes",
    }  # fmt: skip
    if field in free:
        assert kinds & {str, Path}
        return
    monkeypatch.setenv(names_of(field)[0], "no such/thing:é")
    (problem,) = problems()
    assert problem.startswith(f"{names_of(field)[0]} ")
    assert re.fullmatch(r"WAITING_LIST_\w+ (must|does) [^\n]+\.", problem), problem


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DRAIN_SECONDS", "inf", "must be a number, not 'inf'."),
        ("NOTICES_KEPT_DAYS", "1e9", "must be at most 36500."),
        ("WEBHOOK_DISABLE_DAYS", "0", "must be more than 0."),
        ("USER_JOINS_PER_MINUTE", "9999999999", "must be at most 1000000000."),
        ("POOL_SIZE", "3.5", "must be a whole number, not '3.5'."),
        ("LOG_LEVEL", "chatty", "must be debug, info, warning or error, not 'chatty'."),
        ("TRUSTED_PROXIES", "127.0.0.1, proxy.local",
            "must have addresses and networks, such as 10.0.0.0/8, but 'proxy.local' is neither."),
        ("TRUSTED_PROXIES", "10.0.0.1/8",
            "must have addresses and networks, such as 10.0.0.0/8, but '10.0.0.1/8' is a network with bits set "
            "behind its mask."),
        ("TRUSTED_PROXIES", "*,10.0.0.1",
            "must have addresses and networks, such as 10.0.0.0/8, but '*' is neither."),
        ("SMTP_HOST", "smtp.example.org:587",
            "must be only a host, such as smtp.example.org, because the port is another setting."),
        ("TEMPLATE_FOLDER", "/nowhere", "must be a folder, but /nowhere is not there."),
        ("MAIL_FOLDER", "/nowhere/mails", "must be a folder, but /nowhere is not there."),
        ("MAIL_FOLDER", "/dev/null", "must be a folder, but /dev/null is a file."),
        ("USER_TOKEN_PUBLIC_KEY", "key",
            "must be a public key as PEM, which begins with -----BEGIN PUBLIC KEY-----."),
        ("USER_TOKEN_JWKS_URL", "id.example/keys",
            "must be an address with a path, such as https://id.example.org/keys."),
    ],
)  # fmt: skip
def test_a_value_that_would_only_fail_later_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"WAITING_LIST_{name}", value)
    assert problems() == [f"WAITING_LIST_{name} {sentence}"]


@pytest.mark.parametrize("value", ["*", "127.0.0.1", "::1, 10.0.0.0/8,", "2001:db8::/32"])
def test_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("WAITING_LIST_TRUSTED_PROXIES", value)
    assert read_settings().trusted_proxies == value.replace(" ", "").rstrip(",")


@pytest.mark.parametrize("value", ["smtp", "smtp.example.org", "127.0.0.1", "2001:db8::1", "bücher.example"])
def test_mail_servers_are_names_or_addresses(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("WAITING_LIST_SMTP_HOST", value)
    assert read_settings().smtp_host == value


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
@pytest.mark.parametrize(("mode", "what"), [(0o700, "can read"), (0o755, "can write")])
def test_folders_that_this_account_may_not_use_are_refused(
    monkeypatch: pytest.MonkeyPatch, mode: int, what: str
) -> None:
    # Not in tmp_path, because only root can enter the folders above it.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(mode)
        monkeypatch.setenv("WAITING_LIST_MAIL_FOLDER", folder)
        os.setresuid(65534, 65534, 0)
        try:
            (problem,) = problems()
        finally:
            os.setresuid(0, 0, 0)
    assert problem.startswith("WAITING_LIST_MAIL_FOLDER must be a folder")
    assert what in problem
