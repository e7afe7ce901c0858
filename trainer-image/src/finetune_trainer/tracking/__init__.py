"""Tells trackers such as TensorBoard and MLflow how the training goes."""
