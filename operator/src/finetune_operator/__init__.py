"""The operator: watches FineTuneJobs, launches their training pods, reports what became of them."""
