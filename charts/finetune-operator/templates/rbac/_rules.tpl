{{/*
What the operator may do, in every namespace that it watches. Never: secrets, pods/exec, pods/log,
nodes, service accounts, roles, wildcards. Jobs pass the names of secrets on; the kubelet reads them.
*/}}
{{- define "finetune-operator.rules" -}}
- apiGroups: [finetune.dev]
  resources: [finetunejobs]
  # delete: ttlSecondsAfterFinished
  verbs: [get, list, watch, patch, delete]
- apiGroups: [finetune.dev]
  resources: [finetunejobs/status]
  verbs: [get, patch]
- apiGroups: [finetune.dev]
  resources: [finetunejobs/finalizers]
  # Owner references that block deletion need it where that admission plugin is on (OpenShift).
  verbs: [update]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create, get, list, watch, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
{{- if .Values.progress.throughApiServer }}
- apiGroups: [""]
  resources: [pods/proxy]
  verbs: [get]
{{- end }}
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create, get]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [create, get]
- apiGroups: [""]
  # So that the pods of one job find each other by name.
  resources: [services]
  verbs: [create, get]
- apiGroups: [networking.k8s.io]
  # So that nobody else reaches them.
  resources: [networkpolicies]
  verbs: [create, get]
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
