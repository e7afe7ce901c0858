"""What lies beyond a network: buckets to read from and write to, and hubs to publish to."""
