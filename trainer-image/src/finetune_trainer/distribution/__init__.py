"""Several processes that share one training: who starts them, and what they have to agree on."""
