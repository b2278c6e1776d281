"""The dashboard: pages for organizers."""
