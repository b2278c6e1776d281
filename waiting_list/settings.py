"""What can be configured, each with its unit and default. Variables are named WAITING_LIST_ + the name."""

from functools import cache
from pathlib import Path
from typing import Self

from pydantic import AliasChoices, Field, SecretStr, model_validator
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
    log_level: str = Field(
        default="info", pattern="^(debug|info|warning|error)$", description="Least level that is logged."
    )
    log_json: bool = Field(default=False, description="Log as JSON, one object a line.")

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
