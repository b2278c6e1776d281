"""What can be configured, each with its unit and default. Variables are named WAITING_LIST_ + the name."""

import re
from datetime import timedelta
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read once, from the environment; frozen. docs/settings.md lists the same, and a test compares."""

    model_config = SettingsConfigDict(env_prefix="WAITING_LIST_", frozen=True, extra="ignore")

    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("WAITING_LIST_DATABASE_URL", "DATABASE_URL"),
        description="PostgreSQL 15 or newer, as postgresql://user@host/name; `DATABASE_URL` is read too. "
        "Not set: an embedded PostgreSQL runs in the data folder.",
    )
    read_database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("WAITING_LIST_READ_DATABASE_URL", "READ_DATABASE_URL"),
        description="A standby that answers polls and pictures of queues while it keeps up; "
        "`READ_DATABASE_URL` is read too. Not set: the database does.",
    )
    data_dir: Path = Field(default=Path("data"), description="Folder of the embedded PostgreSQL.")
    pool_size: int = Field(default=8, ge=2, le=200, description="Database connections per process.")
    statement_cache: bool = Field(
        default=True,
        description="Keep prepared statements on a connection; false behind a transaction pooler.",
    )
    statement_timeout_seconds: float = Field(
        default=10.0, gt=0, description="Longest wait for one answer of the database, in seconds."
    )
    list_queue_limit: int = Field(
        default=5000, ge=1, description="Requests that may wait for one list in one process; beyond: 503."
    )
    batch_limit: int = Field(
        default=500, ge=1, le=5000, description="Requests of one list done in one transaction at most."
    )
    drain_seconds: float = Field(
        default=2.0,
        ge=0,
        le=60,
        description="How long a process that is told to end (SIGTERM) still answers, while `/health/ready` says "
        "503, in seconds: longer than a load balancer takes to notice.",
    )
    worker: bool = Field(default=True, description="Whether `serve` also runs the worker.")
    user_token_public_key: str | None = Field(
        default=None, description="PEM public key of the platform's identity provider."
    )
    user_token_jwks_url: str | None = Field(
        default=None, description="JWKS address of the platform's identity provider, instead of one key."
    )
    user_token_issuer: str | None = Field(default=None, description="The `iss` that its tokens must have.")
    user_token_audience: str | None = Field(default=None, description="The `aud` that its tokens must have.")
    user_token_organization_claim: str = Field(
        default="org", description="The claim that names the organization in its tokens."
    )
    user_requests_per_minute: int = Field(
        default=6000, ge=0, description="Requests of one user in a minute, in each process; 0: no limit."
    )
    user_joins_per_minute: int = Field(
        default=120, ge=0, description="Joins of one user in a minute, in all processes together; 0: no limit."
    )
    key_requests_per_minute: int = Field(
        default=600_000, ge=0, description="Requests with one API key in a minute, in each process; 0: no limit."
    )
    address_requests_per_minute: int = Field(
        default=12_000,
        ge=0,
        description="Requests from one public address in a minute, in each process; the networks around it may do "
        "more. 0: no limit.",
    )
    address_joins_per_minute: int = Field(
        default=1200,
        ge=0,
        description="Joins from one public address in a minute, in all processes together, a twelfth of them at "
        "once; the networks around it may do more. 0: no limit.",
    )
    address_sign_ins_per_minute: int = Field(
        default=20,
        ge=0,
        description="Attempts to sign in from one public address in a minute, in each process; the networks "
        "around it, and an address that is not public, may do more. 0: no limit.",
    )
    user_mails_per_hour: int = Field(
        default=20,
        ge=0,
        description="Letters that one user can have sent to addresses that are not verified in an hour, in all "
        "processes together; 0: no limit.",
    )
    mailbox_mails_per_hour: int = Field(
        default=20,
        ge=0,
        description="Letters to one mailbox that is not verified, its aliases included, and links to sign in, in "
        "an hour, in all processes together; 0: no limit.",
    )
    address_mails_per_hour: int = Field(
        default=300,
        ge=0,
        description="The same letters, asked for from one public address, and links to sign in from any address, "
        "in an hour, in all processes together; 0: no limit.",
    )
    organization_mails_per_hour: int = Field(
        default=100_000,
        ge=0,
        description="The same letters of one organization, and links to sign in, in an hour, in all processes "
        "together; 0: no limit.",
    )
    sign_in_challenge: Literal["off", "adaptive", "always"] = Field(
        default="off",
        description="Whether who asks for a link to sign in has to solve a challenge (docs/bots.md): `off`, "
        "`adaptive` (while many ask at once) or `always`.",
    )
    challenge_verify_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/\s]+/\S*$",
        description="Address of another challenge service (`siteverify`), whose responses the API then takes as "
        "well when a fan joins.",
    )
    challenge_verify_secret: SecretStr | None = Field(
        default=None, description="The secret of this service there; needed with that address."
    )
    trusted_proxies: str = Field(
        default="127.0.0.1,::1",
        description="Addresses and networks, with commas between, of the proxies whose `X-Forwarded-For` and "
        "`X-Forwarded-Proto` are believed.",
    )
    public_url: str = Field(
        default="http://127.0.0.1:8000",
        pattern=r"^https?://[^/\s]+$",
        description="Where fans reach this service: what private links in e-mails begin with.",
    )
    mail_from: str = Field(
        default="Waiting list <waiting-list@localhost>", description="Sender of the e-mails to fans."
    )
    smtp_host: str | None = Field(default=None, description="Mail server. Not set: no e-mails.")
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection is encrypted: `starttls`, `tls` or `none`."
    )
    smtp_username: str | None = Field(default=None, description="User name at the mail server.")
    smtp_password: SecretStr | None = Field(default=None, description="Password at the mail server.")
    smtp_connections: int = Field(default=4, ge=1, le=100, description="Connections to the mail server at most.")
    smtp_timeout_seconds: float = Field(
        default=20.0, gt=0, le=60, description="Longest wait for the mail server to take one e-mail, in seconds."
    )
    mail_folder: Path | None = Field(
        default=None,
        description="Folder that e-mails are written to instead of being sent; `/mails` then shows them to "
        "anybody. For development.",
    )
    template_folder: Path | None = Field(
        default=None,
        description="Folder of templates that replace ours: `ORGANIZATION/mail/ready.txt` and the like.",
    )
    webhook_timeout_seconds: float = Field(
        default=15.0, gt=0, le=60, description="Longest wait for the answer of a webhook, in seconds."
    )
    webhook_private_addresses: bool = Field(
        default=False,
        description="Let webhooks go to private, loopback and link-local addresses, and over plain HTTP. "
        "For development.",
    )
    webhook_disable_days: float = Field(
        default=3.0, gt=0, description="A webhook that has only failed for so many days is disabled."
    )
    notices_kept_days: float = Field(
        default=30.0, gt=0, description="How long notices that were sent, or given up, are kept, in days."
    )
    personal_data_kept_days: float | None = Field(
        default=None,
        gt=0,
        le=36_500,
        description="How long after the end of a list the worker forgets who was in it, in days; what happened "
        "stays, and names nobody. Not set: never.",
    )
    demo: bool = Field(
        default=False,
        description="Whether there is a shop at `/demo/shop`, where anybody can be any fan of the demo; "
        "`serve --demo` sets it. For trying the service out.",
    )
    log_level: str = Field(
        default="info", pattern="^(debug|info|warning|error)$", description="Least level that is logged."
    )
    log_requests: bool = Field(
        default=False,
        description="Log every request, not only those that failed (500 and above) or took longer than a second.",
    )
    log_json: bool = Field(default=False, description="Log as JSON, one object a line.")

    @field_validator("mail_from")
    @classmethod
    def _names_an_address(cls, value: str) -> str:
        if not value.isprintable() or not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+", parseaddr(value)[1]):
            raise ValueError("must have an address, such as Tickets <tickets@example.org>")
        return value

    @property
    def personal_data_kept(self) -> timedelta | None:
        """How long after the end of a list it is known who was in it; None: for ever."""
        days = self.personal_data_kept_days
        return None if days is None else timedelta(days=days)

    @property
    def sends_mail(self) -> bool:
        """Whether e-mails go anywhere."""
        return self.smtp_host is not None or self.mail_folder is not None

    @model_validator(mode="after")
    def _verifier_is_whole(self) -> Self:
        if (self.challenge_verify_url is None) != (self.challenge_verify_secret is None):
            raise ValueError("challenge_verify_url and challenge_verify_secret go together")
        return self

    @model_validator(mode="after")
    def _provider_is_whole(self) -> Self:
        provider = bool(self.user_token_public_key or self.user_token_jwks_url)
        if provider and not (self.user_token_issuer and self.user_token_audience):
            raise ValueError("an identity provider needs user_token_issuer and user_token_audience")
        return self


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
