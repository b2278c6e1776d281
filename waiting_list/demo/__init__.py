"""A catalogue and a shop to try the service with."""
