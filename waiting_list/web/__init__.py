"""What the API and the pages share: requests, routes, responses, problems, limits of size."""
