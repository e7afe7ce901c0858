"""The trainer beside those it must keep up with: same data, split and seeds, one machine, one run.

`contestants` says who runs, `workloads` what, `schedules` in which order, `bars` what is asked of
us. Each run is a process of its own: it pays for its own imports and shares no warm caches.
"""
