"""Failures that are practised: `make failover` and `make restore`. Not a part of the service."""
