"""A job on this machine: its folder, the trainer as a process, and what it says while it runs."""
