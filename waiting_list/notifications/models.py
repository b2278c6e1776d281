"""Models of notices and webhooks."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from waiting_list.fields import Email, Flag, Frozen, Id, Row, StoredEmail, Text, WebAddress
from waiting_list.lists.notice_kinds import WebhookType
from waiting_list.notifications.channels import ChannelName, channel_of
from waiting_list.notifications.notice_status import NoticeStatus


class Notice(Frozen):
    """One e-mail, one message to a device (`push`), or one delivery to a webhook, which alone has a `webhook_id`.

    `answer_status` (SMTP or HTTP), `answer` and `latency_ms` describe the last try.
    """

    notice_id: str
    channel: ChannelName
    webhook_id: str | None
    type: str
    offer_id: str | None
    representation_id: str | None
    number: int | None
    status: NoticeStatus
    created_at: datetime
    due_at: datetime
    tries: int
    tried_at: datetime | None
    ended_at: datetime | None
    answer_status: int | None
    answer: str | None = None
    latency_ms: int | None

    @classmethod
    def from_record(cls, record: Row, **given: Any) -> Self:
        """Make the notice of a row of `outbox`."""
        channel = channel_of(record["webhook_id"])
        webhook_id = record["webhook_id"] if channel == "webhook" else None
        return super().from_record(record, channel=channel, webhook_id=webhook_id, **given)


class Redelivery(Frozen):
    """The deliveries to send again: one notice in any state, or all dead ones."""

    notice_id: Id | None = None
    status: Literal["dead"] | None = None

    @model_validator(mode="after")
    def _names_one_kind(self) -> Self:
        if (self.notice_id is None) == (self.status is None):
            raise ValueError("give either notice_id or status")
        return self


class Redelivered(Frozen):
    """How many notices will be sent again."""

    notices: int


_NOTIFY_EMAIL = "E-mail address for the notice that the webhook was disabled."


class WebhookFields(Frozen):
    """The fields of a webhook that an organizer sets."""

    url: WebAddress
    description: Text = ""
    types: tuple[WebhookType, ...] = Field(
        default=(), max_length=20, description="Events that the webhook receives; empty: all."
    )
    notify_email: Email | None = Field(default=None, description=_NOTIFY_EMAIL)


class WebhookChange(WebhookFields):
    """The fields of a webhook that an organizer changes. Omitted fields keep their values."""

    # A default factory, because the field is optional but has no default to show in the OpenAPI document.
    url: WebAddress = Field(default_factory=str)
    disabled: Flag = Field(
        default=False, description="true: stop all deliveries; false: enable the webhook again."
    )

    @property
    def given(self) -> dict[str, Any]:
        """Return the fields that the client sent, and only those."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Webhook(WebhookFields):
    """An address that receives an organization's events. The service disables a webhook that has failed for
    days."""

    notify_email: StoredEmail | None = Field(default=None, description=_NOTIFY_EMAIL)
    webhook_id: str
    created_at: datetime
    rotated_at: datetime | None
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None


class CreatedWebhook(Webhook):
    """A webhook with the `secret` that signs its deliveries. The secret is shown only once."""

    secret: str
