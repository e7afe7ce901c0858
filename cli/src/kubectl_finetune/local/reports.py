"""Asks the trainer on this machine how it goes. `runs` makes a reader, `followers` asks."""

import http.client
from dataclasses import dataclass

from pydantic import ValidationError

from finetune_api.contract.environment import PROGRESS_PATH
from finetune_api.contract.progress import MAX_REPORT_BYTES, ProgressReport
from kubectl_finetune.local.attempts import LOOPBACK, Attempt

TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ReportReader:
    """Reads the progress of one attempt. It never fails: a trainer may be starting or busy."""

    attempt: Attempt

    def read(self) -> ProgressReport | None:
        """Give the present report, or None when there is none to be had now."""
        try:
            report = ProgressReport.model_validate_json(self._fetch())
        except (OSError, http.client.HTTPException, ValidationError):
            return None
        is_ours = report.job_uid == self.attempt.job_uid and report.attempt == self.attempt.number
        return report if is_ours else None

    def _fetch(self) -> bytes:
        # http.client and not urllib: a proxy in the environment must not come between.
        connection = http.client.HTTPConnection(
            LOOPBACK, self.attempt.report_port, timeout=TIMEOUT_SECONDS
        )
        try:
            connection.request("GET", PROGRESS_PATH)
            return connection.getresponse().read(MAX_REPORT_BYTES)
        finally:
            connection.close()
