"""MLflow: one run for the job, over all its attempts.

The run is found again by a tag with the job's uid. Its history only grows, so what it has of a step
already is not sent again when a resumed attempt comes by. MLflow's own client does the talking,
with its patience cut to seconds: `senders` tries again.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from finetune_trainer.tracking.facts import ATTEMPT_TAG, UID_TAG
from finetune_trainer.tracking.records import Ended, Ending, Facts, Point, Start, TrackingError

T = TypeVar("T")
REQUEST_SECONDS = 5
MOST_AT_ONCE = 1000
"""Metrics in one call, as MLflow limits them; of parameters it takes a hundred."""
MOST_PARAMETERS = 100
STATUSES: dict[Ended, str] = {
    "Succeeded": "FINISHED",
    "Failed": "FAILED",
    "Interrupted": "KILLED",
}
_CLIENT_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": str(REQUEST_SECONDS),
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": str(REQUEST_SECONDS),
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    # Its own handler would write past the one that hides secrets.
    "MLFLOW_CONFIGURE_LOGGING": "false",
    # Nobody outside is told that somebody trains.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}
_CREDENTIALS_HINT = (
    "Check the keys MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or"
    " MLFLOW_TRACKING_TOKEN, of the Secret of tracking.mlflow.credentialsSecretName"
)
_REACH_HINT = (
    "Check tracking.mlflow.uri, and that pods of this namespace may reach it (NetworkPolicy)"
)
_DELETED_HINT = "Restore it, or name another one in tracking.mlflow.experimentName"
_FILES_HINT = "Let the server hand on the files (mlflow server --serve-artifacts, its default)"


def open_client(uri: str) -> Any:
    """Give MLflow's client for a server; importing it takes seconds."""
    os.environ.update(_CLIENT_SETTINGS)
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)


class MlflowRun:
    """Writes the run of a job."""

    def __init__(self, client: Any, facts: Facts, experiment: str) -> None:
        """Connect.

        Args:
            client: MLflow's own.
            facts: what the run is about.
            experiment: the name of the experiment; made if it is not there.
        """
        self._client = client
        self._facts = facts
        self._experiment = experiment
        self._run_id: str | None = None
        self._old_keys: set[str] = set()
        self._known_steps: dict[str, set[int]] = {}

    def begin(self, start: Start) -> None:
        """Find the run of the job, or make it; once for all trainings of an attempt."""
        if self._run_id is None:
            self._run_id = _ask(lambda: self._open_run(is_fresh=start.step == 0))

    def write(self, points: Sequence[Point]) -> None:
        """Add numbers, unless the run has them already."""
        # A training that was over when this attempt began is not begun again.
        self.begin(Start(points[0].stage, points[0].step))
        _ask(lambda: self._write(points))

    def end(self, ending: Ending) -> None:
        """Keep the files, and say how it ended.

        Raises:
            TrackingError: it was not said; or it was, and the files are not kept.
        """
        run_id = self._run_id or _ask(self._find_begun)
        if run_id is None:
            return
        problem: TrackingError | None = None
        try:
            for path in ending.files:
                _ask(partial(self._client.log_artifact, run_id, str(path)))
        except TrackingError as error:
            problem = error
        _ask(lambda: self._client.set_terminated(run_id, STATUSES[ending.ended]))
        if problem is not None:
            raise TrackingError(
                f"the files of the run were not kept ({problem})", _FILES_HINT, is_final=True
            ) from problem

    def _open_run(self, *, is_fresh: bool) -> str:
        experiment = self._find_experiment() or self._make_experiment()
        run = self._find_run(experiment)
        # A job on a laptop that is begun anew has the uid of the one before.
        if run is None or (is_fresh and run.info.status == STATUSES["Succeeded"]):
            tags = {**self._facts.tags, "mlflow.source.type": "JOB"}
            run = self._client.create_run(experiment, tags=tags, run_name=self._facts.name)
        else:
            self._old_keys = set(run.data.metrics)
            self._client.update_run(run.info.run_id, status="RUNNING")
            self._client.set_tag(run.info.run_id, ATTEMPT_TAG, self._facts.tags[ATTEMPT_TAG])
        self._log_parameters(run)
        return str(run.info.run_id)

    def _log_parameters(self, run: Any) -> None:
        from mlflow.entities import Param

        known = run.data.params
        missing = [Param(k, v) for k, v in self._facts.parameters.items() if k not in known]
        for first in range(0, len(missing), MOST_PARAMETERS):
            self._client.log_batch(run.info.run_id, params=missing[first : first + MOST_PARAMETERS])

    def _find_experiment(self) -> str | None:
        found = self._client.get_experiment_by_name(self._experiment)
        if found is not None and found.lifecycle_stage == "deleted":
            message = f"the experiment {self._experiment!r} is deleted"
            raise TrackingError(message, _DELETED_HINT, is_final=True)
        return None if found is None else str(found.experiment_id)

    def _make_experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        try:
            return str(self._client.create_experiment(self._experiment))
        except MlflowException:
            found = self._find_experiment()  # another job was quicker
            if found is None:
                raise
            return found

    def _find_run(self, experiment: str) -> Any:
        query = f"tags.`{UID_TAG}` = '{self._facts.uid}'"
        found = self._client.search_runs([experiment], query, max_results=1)
        return found[0] if found else None

    def _find_begun(self) -> str | None:
        """Find the run of an earlier attempt, of which only the ending is left to be told."""
        experiment = self._find_experiment()
        run = self._find_run(experiment) if experiment else None
        return None if run is None else str(run.info.run_id)

    def _write(self, points: Sequence[Point]) -> None:
        metrics = list(self._list_news(points))
        for first in range(0, len(metrics), MOST_AT_ONCE):
            self._client.log_batch(self._run_id, metrics=metrics[first : first + MOST_AT_ONCE])

    def _list_news(self, points: Sequence[Point]) -> Iterator[Any]:
        from mlflow.entities import Metric

        for point in points:
            for name, value in point.values.items():
                key = f"{point.stage}/{name}" if point.stage else name
                if point.step not in self._recall_steps(key):
                    yield Metric(key, value, round(point.seconds * 1000), point.step)

    def _recall_steps(self, key: str) -> set[int]:
        """Give the steps that the run had of a metric when this attempt began."""
        if key in self._old_keys and key not in self._known_steps:
            history = self._client.get_metric_history(self._run_id, key)
            self._known_steps[key] = {metric.step for metric in history}
        return self._known_steps.get(key, set())


def _ask(question: Callable[[], T]) -> T:
    """Ask the server, and put into words what went wrong.

    Raises:
        TrackingError: it did not work; the words of the server are left out, which may quote
            anything.
    """
    from mlflow.exceptions import MlflowException

    try:
        return question()
    except MlflowException as error:
        code: int = error.get_http_status_code()  # type: ignore[no-untyped-call]
        if code in (401, 403):
            message = f"the server refuses us ({code})"
            raise TrackingError(message, _CREDENTIALS_HINT, is_final=True) from error
        if 400 <= code < 500 and code != 429:
            message = f"the server does not take this ({code} {error.error_code})"
            raise TrackingError(message, _REACH_HINT, is_final=True) from error
        raise TrackingError("the server cannot be reached", _REACH_HINT) from error
    except (OSError, ValueError) as error:  # no answer, or one that is not MLflow's
        message = f"the server cannot be reached ({type(error).__name__})"
        raise TrackingError(message, _REACH_HINT) from error
