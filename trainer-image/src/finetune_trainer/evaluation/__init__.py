"""What is measured, and what the simplest guess would reach."""
