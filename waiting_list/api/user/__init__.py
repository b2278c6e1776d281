"""Calls for fans. They need a user token, except those for public data."""
