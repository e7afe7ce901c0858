"""Our stand-in for a kubelet: pods of a real cluster as processes on this machine.

It isolates nothing. There are no images, no mount or network namespaces and no limits: a
container is a process with the environment its pod asks for, and it can do whatever the user who
started the node can do. That is the point: no root, no registry, no virtual machine. It is for
our own tests and the demo, never for code you do not trust.

Since there is no mount namespace, a path that the pod knows is not there on disk. The node
rewrites it: see `paths`, the one thing to understand before writing a pod for this node.

How the modules lie: `nodes` registers and watches and gives each pod a `pods.PodLife`; that
drives `containers`, whose `launches` come from `images`, `environment`, `volumes` and `paths`;
`statuses` builds what `reports` writes. `storage` provisions volumes, `log_servers` answers
`kubectl logs`.
"""
