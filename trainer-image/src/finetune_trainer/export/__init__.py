"""What a job leaves: the model, its metrics, its card, and the seal on all of it."""
