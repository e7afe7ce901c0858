"""What can be learned: one file and one frozen object for each task, listed in `registry`."""
