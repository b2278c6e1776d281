"""Who calls, and how often: API keys, tokens, sessions, private links, passes, challenges and rate limits."""
