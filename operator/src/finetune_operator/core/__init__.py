"""Decides. Pure: no I/O, no clock, no kopf, no kubernetes; every branch is a row of a test."""
