"""The fan's calls."""
