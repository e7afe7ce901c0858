"""From spec.model to a model that can be trained; `sources` and `weights` need no torch."""
