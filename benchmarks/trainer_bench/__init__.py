"""The trainer beside the guides' recipe: same data, split, seeds and machine, in one run."""
