"""Define the scopes of API keys."""

from enum import StrEnum


class Scope(StrEnum):
    """The rights of an API key."""

    READ = "read"
    """Read everything: stock, lists, entries and personal data."""
    STOCK = "stock"
    """Change events, representations, offers and inventory. Add, remove and release stock."""
    ENTRIES = "entries"
    """Manage lists and entries: settings, join, move, buy, remove; user tokens, contacts and links. See names."""
    ADMIN = "admin"
    """All other scopes, and API keys, webhooks, the sender of e-mails, resending notices, and erasing a person."""
