"""A Kubernetes cluster without containers, for our tests and the demo on a laptop.

The control plane is the real one, built from pinned Go modules; only the node is ours. Import the
modules you need (`control_plane`, `running_node`, `scripted_node`, `binaries`); `python -m
devcluster` is the same for people and for make.
"""
