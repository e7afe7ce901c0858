"""The training, around the Trainer of transformers; `plans`, `stopping` and `orders` are pure."""
