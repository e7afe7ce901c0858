{{/*
What Pod Security "restricted" asks for. Not a value: whoever needs less security than this can
say so in a fork, and nobody loses it by a slip in a values file.
*/}}

{{- define "finetune-operator.podSecurityContext" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "finetune-operator.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
