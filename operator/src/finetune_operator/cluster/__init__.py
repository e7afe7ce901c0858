"""The only code that talks to the API server, and the only one that imports `kubernetes`."""
