"""Define the settings, each with its unit and default. The variable is WAITING_LIST_ and the name in capitals."""

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from waiting_list import cosigners, public_url
from waiting_list import setting_checks as checks
from waiting_list.dsn import is_behind_pooler
from waiting_list.email_addresses import domains
from waiting_list.environment import Environment, read

_MOST_DAYS = 36_500


class Settings(BaseSettings):
    """The settings of a process, read once from the environment. docs/settings.md lists them."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL database (15 or newer), as postgresql://user@host/name. `DATABASE_URL` works, "
        "too. Not set: an embedded PostgreSQL runs in the data folder.",
    )
    read_database_url: SecretStr | None = Field(
        default=None,
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
        le=86_400,
        description="Longest time that the service waits for one database statement, in seconds.",
    )
    list_queue_limit: int = Field(
        default=5000,
        ge=1,
        le=checks.MOST,
        description="Maximum number of requests that wait for one list in one process. Further requests get 503.",
    )
    batch_limit: int = Field(
        default=64, ge=1, le=5000, description="Maximum number of requests of one list in one transaction."
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
    user_requests_per_minute: int = checks.limit(
        6000, "Maximum requests of one user in a minute, for each process; 0: no limit."
    )
    user_joins_per_minute: int = checks.limit(
        120, "Maximum joins of one user in a minute, for all processes together; 0: no limit."
    )
    key_requests_per_minute: int = checks.limit(
        600_000, "Maximum requests with one API key in a minute, for each process; 0: no limit."
    )
    address_requests_per_minute: int = checks.limit(
        12_000,
        "Maximum requests from one public IP address in a minute, for each process. Larger networks "
        "have higher limits. 0: no limit.",
    )
    address_joins_per_minute: int = checks.limit(
        1200,
        "Maximum joins from one public IP address in a minute, for all processes together; a twelfth "
        "of them at once. Larger networks have higher limits. 0: no limit.",
    )
    address_sign_ins_per_minute: int = checks.limit(
        20,
        "Maximum sign-in attempts from one public IP address in a minute, for each process. Larger "
        "networks and private addresses have higher limits. 0: no limit.",
    )
    messages_per_day: int = checks.limit(3, "Maximum messages to the fans of a list in 24 hours; 0: no limit.")
    unverified_places_per_network: int = checks.limit(
        20,
        "Maximum unverified places of one network in a list, if its fans join with an e-mail address alone. "
        "A network is a /24, or a /48 of IPv6. Further fans must open a link first. An address that is not public "
        "has ten times as many. 0: no limit.",
    )
    user_mails_per_hour: int = checks.limit(
        20,
        "Maximum e-mails in an hour that one user can cause to unverified addresses, for all "
        "processes together; 0: no limit.",
    )
    mailbox_mails_per_hour: int = checks.limit(
        20,
        "Maximum e-mails in an hour to one unverified mailbox, with its aliases, for all processes "
        "together. Sign-in links count, too. 0: no limit.",
    )
    address_mails_per_hour: int = checks.limit(
        300,
        "Maximum e-mails to unverified addresses in an hour that one public IP address can cause, "
        "for all processes together; the /24 or /48 around it, four times as many. Sign-in links from any "
        "address count, too. 0: no limit.",
    )
    organization_mails_per_hour: int = checks.limit(
        100_000,
        "Maximum e-mails to unverified addresses in an hour for one organization, for all processes "
        "together. Sign-in links count, too. 0: no limit.",
    )
    letters_per_hour: int = checks.limit(
        10,
        "Maximum e-mails in an hour to one mailbox, with its aliases, over all lists. Further ones "
        "wait, except those about a hold, and those to sign in or to verify an address. 0: no limit.",
    )
    sign_in_challenge: Literal["off", "adaptive", "always"] = Field(
        default="off",
        description="When a fan must solve a challenge to get a sign-in link (docs/bots.md): `off`, `adaptive` "
        "(while many fans ask at once) or `always`.",
    )
    challenge_verify_url: str | None = Field(
        default=None,
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
    images_s3_url: str | None = Field(
        default=None,
        description="Bucket of an S3-compatible store for images and logos, such as "
        "`https://s3.eu-west-3.amazonaws.com/my-images`, also with a folder. Not set: the database keeps them.",
    )
    images_s3_region: str = Field(
        default="us-east-1", pattern="^[A-Za-z0-9-]+$", description="Region of the bucket."
    )
    images_s3_access_key_id: str | None = Field(
        default=None,
        description="Id of the key for the bucket. Not set: that of the machine (AWS_ACCESS_KEY_ID, or its role).",
    )
    images_s3_secret_access_key: SecretStr | None = Field(
        default=None, description="Secret of the key for the bucket. Required with its id."
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="Address that `serve` listens on.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port that `serve` listens on. With 0, it takes a free one."
    )
    public_url: str = Field(
        default="",
        validate_default=True,
        description="Public address of this service, such as `https://tickets.example` or, below a path, "
        "`https://shop.example/waiting`. Links in e-mails begin with it. Not set: the host and port that `serve` "
        "listens on, or 127.0.0.1 or [::1] in place of all addresses.",
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
    drand_url: str = Field(
        default="",
        description="Address of a server of the drand network, such as `https://api.drand.sh`, from which the "
        "worker reads the randomness of draws that name `drand`. Empty: none; the organizer sends it.",
    )
    ledger_witnesses: str = Field(
        default="",
        description="Witnesses that the worker asks to cosign the public ledgers, separated by commas: each its "
        "verifier key, a space, and its address. Empty: none.",
    )
    webhook_disable_days: float = Field(
        default=3.0,
        gt=0,
        le=_MOST_DAYS,
        description="After how many days of failures without a success the service disables a webhook.",
    )
    apprise_schemes: str = Field(
        default="",
        description="Schemes of Apprise URLs with which organizations may send text messages, such as "
        "`twilio, vonage`. They can reach any network. Empty: none.",
    )
    notices_kept_days: float = Field(
        default=30.0,
        gt=0,
        le=_MOST_DAYS,
        description="How many days the service keeps notices that were sent or given up.",
    )
    end_grace_minutes: float = Field(
        default=15.0,
        ge=0,
        le=10_080,
        description="How many minutes fans stay in a list after its end. A date that is put right in this time "
        "leaves them all as they were. Meanwhile, no fan can join, change or buy. 0: fans leave at once.",
    )
    personal_data_kept_days: float | None = Field(
        default=None,
        gt=0,
        le=_MOST_DAYS,
        description="How many days after the end of a list the worker erases its persons. The history stays, "
        "without names. Not set: never.",
    )
    demo: bool = Field(
        default=False,
        description="Whether the demo shop runs at `/demo/shop`. Its visitors can act as any fan of the demo. "
        "`serve --demo` sets this. For trying the service out only.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Lowest level of the log: debug, info, warning or error."
    )
    log_requests: bool = Field(
        default=False,
        description="Log every request. Otherwise the service logs only requests that failed (status 500 or "
        "more) or took longer than a second.",
    )
    log_json: bool = Field(default=False, description="Log as JSON, one object on each line.")

    @field_validator("public_url")
    @classmethod
    def _is_public_url(cls, value: str, info: ValidationInfo) -> str:
        if value:
            return public_url.checked(value)
        # An invalid host or port is named by itself.
        known = {"host", "port"} <= info.data.keys()
        return public_url.of_server(info.data["host"], info.data["port"]) if known else ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - our own source takes its place
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from the arguments, then from the environment."""
        return init_settings, Environment(settings_cls)

    @model_validator(mode="before")
    @classmethod
    def _keeps_no_statements_behind_a_pooler(cls, data: dict[str, object]) -> dict[str, object]:
        dsn = data.get("database_url")
        text = dsn.get_secret_value() if isinstance(dsn, SecretStr) else str(dsn or "")
        if "statement_cache" not in data and is_behind_pooler(text):
            return {**data, "statement_cache": False}
        return data

    _databases = field_validator("database_url", "read_database_url")(checks.database)
    _sender = field_validator("mail_from")(checks.mailbox)
    _local_domains = field_validator("mail_local_domains")(domains)
    _proxies = field_validator("trusted_proxies")(checks.networks)
    _template_folder = field_validator("template_folder")(checks.readable_folder)
    _mail_folder = field_validator("mail_folder")(checks.writable_folder)
    _drand = field_validator("drand_url")(checks.server)
    _witnesses = field_validator("ledger_witnesses")(cosigners.checked)
    _addresses = field_validator("challenge_verify_url", "user_token_jwks_url")(checks.web_address)
    _bucket = field_validator("images_s3_url")(checks.bucket)
    _public_key = field_validator("user_token_public_key")(checks.public_key)
    _hosts = field_validator("host", "smtp_host")(checks.host_name)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if problems := list(checks.contradictions(self)):
            raise ValueError("\n".join(problems))
        return self

    @property
    def local_domains(self) -> frozenset[str]:
        """The local domains in which e-mail addresses are valid."""
        return frozenset(filter(None, (self.mail_local_domains or "").split(",")))

    @property
    def end_grace(self) -> timedelta:
        """Return how long fans stay in a list after its end."""
        return timedelta(minutes=self.end_grace_minutes)

    @property
    def personal_data_kept(self) -> timedelta | None:
        """How long after the end of a list the service keeps personal data; None: for ever."""
        days = self.personal_data_kept_days
        return None if days is None else timedelta(days=days)

    @property
    def sends_mail(self) -> bool:
        """Whether the service sends e-mails or writes them to a folder."""
        return self.mail_transport is not None

    @property
    def mail_transport(self) -> Literal["folder", "smtp"] | None:
        """How this process sends e-mails; None if it sends none. A folder wins over a mail server."""
        if self.mail_folder is not None:
            return "folder"
        return "smtp" if self.smtp_host is not None else None

    @property
    def mails_dead_links(self) -> bool:
        """Whether the service mails links to fans that lead to their own machine, and so nowhere.

        E-mails in a folder are excluded, because a developer reads them on this machine.
        """
        return self.smtp_host is not None and self.mail_folder is None and public_url.is_loopback(self.public_url)

    @property
    def public_path(self) -> str:
        """The path of the public address, such as `/waiting`; empty without one."""
        return public_url.path_of(self.public_url)

    @property
    def public_origin(self) -> str:
        """The public address without its path."""
        return public_url.origin_of(self.public_url)


def read_settings() -> Settings:
    """Read the settings from the environment. Raises SettingsError with all problems at once."""
    return read(Settings)


@cache
def settings() -> Settings:
    """Return the settings of this process. Raises SettingsError."""
    return read_settings()
