"""Replays the history of lists, and compares it with what the tables say."""
