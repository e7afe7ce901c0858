"""The trainer: fine-tunes a model as a resolved FineTuneJob says, and tells how it went."""
