"""Queries: reads that change nothing, outside of the lock of a list."""
