"""What a later attempt goes on from: checkpoints, the best model, and what was pinned."""
