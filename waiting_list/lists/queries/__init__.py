"""Queries: reads of lists and entries that take no lock."""
