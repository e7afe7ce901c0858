"""Builds objects for the API server, as plain dicts. Pure: the same plan gives the same bytes."""
