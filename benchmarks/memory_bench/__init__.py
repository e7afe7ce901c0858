"""How much memory trainings really take, beside what the trainer said before they began."""
