"""The operator beside a bare client that makes the same writes, on one API server, in one run."""
