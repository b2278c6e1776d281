"""Calls for organizers. They need an API key."""
