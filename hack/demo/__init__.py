"""`make demo`: what it shows, and the small model and film reviews that it learns from."""
