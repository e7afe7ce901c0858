"""Wires it together: informer, store, queue, reconciler, collector, sweep, metrics and health."""
