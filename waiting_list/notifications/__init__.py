"""Notices: e-mails to fans and webhooks to receivers, with retries."""
