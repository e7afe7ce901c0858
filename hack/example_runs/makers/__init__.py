"""What the claims of the examples hold: one file for each, with `prepare(folder)`."""
