"""Pages for fans."""
