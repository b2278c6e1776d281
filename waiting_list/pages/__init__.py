"""The web pages of fans and organizers, and what they share."""
