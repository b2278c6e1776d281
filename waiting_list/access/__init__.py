"""Who calls: API keys, tokens, sessions, private links, purchase passes, and rate limits."""
