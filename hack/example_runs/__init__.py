"""Runs every example as a user would, and checks that each job is better than where it began."""
