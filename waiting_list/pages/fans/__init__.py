"""The fan's pages."""
