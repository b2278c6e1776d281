"""The audit: replay the history of lists, and compare the result with the tables."""
