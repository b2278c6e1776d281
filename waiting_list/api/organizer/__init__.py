"""The organizer's calls."""
