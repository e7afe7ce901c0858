{{/*
The operator's settings: which value becomes which environment variable. The names are those of the
operator's Settings; a test compares the two. An empty value leaves the operator's own default in
force, and what has no value here is set through extraEnv.
*/}}
{{- define "finetune-operator.settings" -}}
{{- $trainer := .Values.trainer -}}
{{- $variables := list -}}
{{- range $name, $value := $trainer.env -}}
{{- $variables = append $variables (printf "%s=%s" $name $value) -}}
{{- end -}}
FINETUNE_OPERATOR_NAMESPACES: {{ include "finetune-operator.watchedNamespaces" . | quote }}
FINETUNE_OPERATOR_LOG_LEVEL: {{ .Values.operator.logLevel | quote }}
FINETUNE_OPERATOR_WORKERS: {{ .Values.operator.workers | int64 | quote }}
FINETUNE_OPERATOR_HEALTH_PORT: {{ .Values.operator.healthPort | int64 | quote }}
FINETUNE_OPERATOR_METRICS_PORT: {{ .Values.metrics.port | int64 | quote }}
FINETUNE_OPERATOR_FINISHED_METRICS_SECONDS: {{ .Values.metrics.finishedJobSeconds | int64 | quote }}
FINETUNE_OPERATOR_PROGRESS_SECONDS: {{ .Values.progress.seconds | quote }}
FINETUNE_OPERATOR_PROGRESS_THROUGH_API_SERVER: {{ .Values.progress.throughApiServer | quote }}
FINETUNE_OPERATOR_TRAINER_IMAGE: {{ include "finetune-operator.image" (dict "image" $trainer.image "tag" .Chart.AppVersion) | quote }}
FINETUNE_OPERATOR_TRAINER_IMAGE_PULL_POLICY: {{ $trainer.image.pullPolicy | quote }}
FINETUNE_OPERATOR_ALLOWED_IMAGE_PREFIXES: {{ join "," $trainer.allowedImagePrefixes | quote }}
FINETUNE_OPERATOR_TRAINER_ENV: {{ join "," $variables | quote }}
FINETUNE_OPERATOR_GRACE_SECONDS: {{ $trainer.graceSeconds | int64 | quote }}
FINETUNE_OPERATOR_START_TIMEOUT_SECONDS: {{ $trainer.startTimeoutSeconds | int64 | quote }}
FINETUNE_OPERATOR_DEFAULT_CLAIM_SIZE: {{ $trainer.claim.size | quote }}
FINETUNE_OPERATOR_DEFAULT_CLAIM_CLASS: {{ $trainer.claim.storageClassName | quote }}
FINETUNE_OPERATOR_DEFAULT_CLAIM_ACCESS_MODE: {{ $trainer.claim.accessMode | quote }}
{{- end -}}
