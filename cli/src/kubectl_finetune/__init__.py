"""kubectl finetune: the same FineTuneJob, here."""
