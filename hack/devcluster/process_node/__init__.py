"""Our stand-in for a kubelet: pods of a real cluster as processes on this machine.

It isolates nothing. There are no images, no mount or network namespaces and no limits: a
container is a process with the environment its pod asks for, and it can do whatever the user who
started the node can do. That is the point: no root, no registry, no virtual machine. It is for
our own tests and the demo, never for code you do not trust.

Since there is no mount namespace, a path that the pod knows is not there on disk. The node
rewrites it: see `paths`, the one thing to understand before writing a pod for this node.

What a kubelet does and this node does not: probes and lifecycle hooks (a container is ready while
it runs), sidecars, events, cluster DNS, refreshing ConfigMaps in running pods, exec and
port-forward. A first process without a handler for SIGTERM ends by it, in a container it would not.

How the modules lie: `nodes` registers and watches and gives each pod a `pods.PodLife`. That runs
the pod's `courses`, which start `containers` from `launches`, which are made of `settings`,
`environment`, `volumes`, `views` and `paths`. `statuses` builds what `reports` sends. `storage`
provisions volumes, `log_servers` answers `kubectl logs`.
"""
