"""Define the settings, each with its unit and default. The variable is WAITING_LIST_ and the name in capitals."""

import re
from datetime import timedelta
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from waiting_list.email_addresses import split


class Settings(BaseSettings):
    """The settings of a process, read once from the environment. docs/settings.md lists them."""

    model_config = SettingsConfigDict(env_prefix="WAITING_LIST_", frozen=True, extra="ignore")

    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("WAITING_LIST_DATABASE_URL", "DATABASE_URL"),
        description="PostgreSQL database (15 or newer), as postgresql://user@host/name. `DATABASE_URL` works, "
        "too. Not set: an embedded PostgreSQL runs in the data folder.",
    )
    read_database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("WAITING_LIST_READ_DATABASE_URL", "READ_DATABASE_URL"),
        description="Standby that answers polls and queue snapshots while it keeps up. `READ_DATABASE_URL` "
        "works, too. Not set: the main database answers them.",
    )
    data_dir: Path = Field(default=Path("data"), description="Data folder of the embedded PostgreSQL.")
    pool_size: int = Field(default=8, ge=2, le=200, description="Number of database connections of each process.")
    statement_cache: bool = Field(
        default=True,
        description="Keep prepared statements on each connection. Set it to false behind a transaction pooler.",
    )
    statement_timeout_seconds: float = Field(
        default=10.0,
        gt=0,
        description="Longest time that the service waits for one database statement, in seconds.",
    )
    list_queue_limit: int = Field(
        default=5000,
        ge=1,
        description="Maximum number of requests that wait for one list in one process. Further requests get 503.",
    )
    batch_limit: int = Field(
        default=500, ge=1, le=5000, description="Maximum number of requests of one list in one transaction."
    )
    drain_seconds: float = Field(
        default=2.0,
        ge=0,
        le=60,
        description="How many seconds a process still answers after SIGTERM, while `/health/ready` says 503. It "
        "must be longer than the load balancer needs to notice.",
    )
    worker: bool = Field(default=True, description="Whether `serve` also runs the worker.")
    user_token_public_key: str | None = Field(
        default=None, description="Public key of the platform's identity provider, as PEM."
    )
    user_token_jwks_url: str | None = Field(
        default=None, description="JWKS address of the platform's identity provider, in place of a single key."
    )
    user_token_issuer: str | None = Field(
        default=None, description="Required `iss` claim in the tokens of the identity provider."
    )
    user_token_audience: str | None = Field(
        default=None, description="Required `aud` claim in the tokens of the identity provider."
    )
    user_token_organization_claim: str = Field(
        default="org", description="Claim that names the organization in the tokens of the identity provider."
    )
    user_requests_per_minute: int = Field(
        default=6000, ge=0, description="Maximum requests of one user in a minute, for each process; 0: no limit."
    )
    user_joins_per_minute: int = Field(
        default=120,
        ge=0,
        description="Maximum joins of one user in a minute, for all processes together; 0: no limit.",
    )
    key_requests_per_minute: int = Field(
        default=600_000,
        ge=0,
        description="Maximum requests with one API key in a minute, for each process; 0: no limit.",
    )
    address_requests_per_minute: int = Field(
        default=12_000,
        ge=0,
        description="Maximum requests from one public IP address in a minute, for each process. Larger networks "
        "have higher limits. 0: no limit.",
    )
    address_joins_per_minute: int = Field(
        default=1200,
        ge=0,
        description="Maximum joins from one public IP address in a minute, for all processes together; a twelfth "
        "of them at once. Larger networks have higher limits. 0: no limit.",
    )
    address_sign_ins_per_minute: int = Field(
        default=20,
        ge=0,
        description="Maximum sign-in attempts from one public IP address in a minute, for each process. Larger "
        "networks and private addresses have higher limits. 0: no limit.",
    )
    user_mails_per_hour: int = Field(
        default=20,
        ge=0,
        description="Maximum e-mails in an hour that one user can cause to unverified addresses, for all "
        "processes together; 0: no limit.",
    )
    mailbox_mails_per_hour: int = Field(
        default=20,
        ge=0,
        description="Maximum e-mails in an hour to one unverified mailbox, with its aliases, for all processes "
        "together. Sign-in links count, too. 0: no limit.",
    )
    address_mails_per_hour: int = Field(
        default=300,
        ge=0,
        description="Maximum e-mails to unverified addresses in an hour that one public IP address can cause, "
        "for all processes together. Sign-in links from any address count, too. 0: no limit.",
    )
    organization_mails_per_hour: int = Field(
        default=100_000,
        ge=0,
        description="Maximum e-mails to unverified addresses in an hour for one organization, for all processes "
        "together. Sign-in links count, too. 0: no limit.",
    )
    sign_in_challenge: Literal["off", "adaptive", "always"] = Field(
        default="off",
        description="When a fan must solve a challenge to get a sign-in link (docs/bots.md): `off`, `adaptive` "
        "(while many fans ask at once) or `always`.",
    )
    challenge_verify_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/\s]+/\S*$",
        description="Address of another challenge service (`siteverify`). The API then also accepts its "
        "responses when a fan joins.",
    )
    challenge_verify_secret: SecretStr | None = Field(
        default=None,
        description="Secret of this service at the other challenge service. Required with its address.",
    )
    trusted_proxies: str = Field(
        default="127.0.0.1,::1",
        description="Addresses and networks of trusted proxies, separated by commas. The service believes their "
        "`X-Forwarded-For` and `X-Forwarded-Proto`.",
    )
    public_url: str = Field(
        default="http://127.0.0.1:8000",
        pattern=r"^https?://[^/\s]+$",
        description="Public address of this service. Private links in e-mails begin with it.",
    )
    mail_from: str = Field(
        default="Waiting list <waiting-list@localhost>", description="Sender of the e-mails to fans."
    )
    mail_local_domains: str | None = Field(
        default=None,
        description="Domains of your own network, separated by commas, such as `clinic.local, mailhost`. The "
        "service accepts e-mail addresses in these domains and below them, although the public Internet cannot "
        "reach them. Not set: it refuses them.",
    )
    smtp_host: str | None = Field(
        default=None, description="Mail server (SMTP). Not set: the service sends no e-mails."
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="Encryption of the connection to the mail server: `starttls`, `tls` or `none`.",
    )
    smtp_username: str | None = Field(default=None, description="User name at the mail server.")
    smtp_password: SecretStr | None = Field(default=None, description="Password at the mail server.")
    smtp_connections: int = Field(
        default=4, ge=1, le=100, description="Maximum number of connections to the mail server."
    )
    smtp_timeout_seconds: float = Field(
        default=20.0,
        gt=0,
        le=60,
        description="Longest time that the mail server may take for one e-mail, in seconds.",
    )
    mail_folder: Path | None = Field(
        default=None,
        description="Folder to which the service writes e-mails, and does not send them. `/mails` then shows "
        "them without a sign-in. For development only.",
    )
    template_folder: Path | None = Field(
        default=None,
        description="Folder of your own templates, such as `ORGANIZATION/mail/ready.txt`. They replace the "
        "built-in ones.",
    )
    webhook_timeout_seconds: float = Field(
        default=15.0, gt=0, le=60, description="Longest time that a webhook may take to answer, in seconds."
    )
    webhook_private_addresses: bool = Field(
        default=False,
        description="Allow webhooks to private, loopback and link-local addresses, and over plain HTTP. For "
        "development only.",
    )
    webhook_disable_days: float = Field(
        default=3.0,
        gt=0,
        description="After how many days of failures without a success the service disables a webhook.",
    )
    notices_kept_days: float = Field(
        default=30.0, gt=0, description="How many days the service keeps notices that were sent or given up."
    )
    personal_data_kept_days: float | None = Field(
        default=None,
        gt=0,
        le=36_500,
        description="How many days after the end of a list the worker erases its persons. The history stays, "
        "without names. Not set: never.",
    )
    demo: bool = Field(
        default=False,
        description="Whether the demo shop runs at `/demo/shop`. Its visitors can act as any fan of the demo. "
        "`serve --demo` sets this. For trying the service out only.",
    )
    log_level: str = Field(
        default="info",
        pattern="^(debug|info|warning|error)$",
        description="Lowest level of the log: debug, info, warning or error.",
    )
    log_requests: bool = Field(
        default=False,
        description="Log every request. Otherwise the service logs only requests that failed (status 500 or "
        "more) or took longer than a second.",
    )
    log_json: bool = Field(default=False, description="Log as JSON, one object on each line.")

    @field_validator("mail_from")
    @classmethod
    def _names_an_address(cls, value: str) -> str:
        if not value.isprintable() or not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+", parseaddr(value)[1]):
            raise ValueError("must have an address, such as Tickets <tickets@example.org>")
        return value

    @field_validator("mail_local_domains")
    @classmethod
    def _names_domains(cls, value: str | None) -> str | None:
        if value is None:
            return None
        domains = [one.strip() for one in value.split(",") if one.strip()]
        parts = [split(f"x@{one}") for one in domains]
        for one, found in zip(domains, parts, strict=True):
            if found is None:
                raise ValueError(f"must have domains such as clinic.local, separated by commas, not {one}")
        return ",".join(found[1] for found in parts if found)

    @property
    def local_domains(self) -> frozenset[str]:
        """The local domains in which e-mail addresses are valid."""
        return frozenset(filter(None, (self.mail_local_domains or "").split(",")))

    @property
    def personal_data_kept(self) -> timedelta | None:
        """How long after the end of a list the service keeps personal data; None: for ever."""
        days = self.personal_data_kept_days
        return None if days is None else timedelta(days=days)

    @property
    def sends_mail(self) -> bool:
        """Whether the service sends e-mails or writes them to a folder."""
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
    """Return the settings of this process."""
    return Settings()
