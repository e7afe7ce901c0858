"""What is said while a job runs: /progress for the operator, /metrics for Prometheus."""
