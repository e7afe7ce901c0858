"""What the values of a column are: one row for each kind, in `registry`."""
