"""What the API and the pages share: requests, routes, responses, problems, and limits of bodies and headers."""
