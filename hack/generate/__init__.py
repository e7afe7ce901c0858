"""Writes all that follows from the models; `make verify` fails when a copy is out of step."""
