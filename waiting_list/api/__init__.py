"""The HTTP API: calls for fans, organizers and operators."""
