"""A real MLflow server on this machine: SQLite, files in a folder, and a password.

The client of the tests speaks plain HTTP: what the trainer has written is read back by another way
than it went.
"""

import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Self

USER = "trainer"
PASSWORD = "canary-of-the-tracker-7f3a91"
START_SECONDS = 300.0


class MlflowServer:
    """The server, as a process; and what it knows."""

    def __init__(self, folder: Path) -> None:
        """Start it, and wait until it answers."""
        folder.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{port}"
        self._log = (folder / "server.log").open("wb")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth"),
                *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
                *("--backend-store-uri", f"sqlite:///{folder}/runs.db"),
                *("--artifacts-destination", str(folder / "files")),
            ],
            env=self._choose_environment(folder),
            cwd=folder,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, with its workers."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, 15)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, 9)
                self.process.wait()
        self._log.close()

    @property
    def variables(self) -> dict[str, str]:
        """What a pod gets from the Secret."""
        return {"MLFLOW_TRACKING_USERNAME": USER, "MLFLOW_TRACKING_PASSWORD": PASSWORD}

    def find_runs(self, experiment: str) -> list[dict[str, Any]]:
        """Give the runs of an experiment; none where there is no such experiment."""
        query = urllib.parse.urlencode({"experiment_name": experiment})
        try:
            found = self._ask(f"experiments/get-by-name?{query}")["experiment"]
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return []
            raise
        body = {"experiment_ids": [found["experiment_id"]]}
        runs: list[dict[str, Any]] = self._ask("runs/search", body).get("runs", [])
        return runs

    def read_history(self, run: dict[str, Any], metric: str) -> list[tuple[int, float]]:
        """Give the steps and values of a metric, in the order of the steps."""
        query = urllib.parse.urlencode({"run_id": run["info"]["run_id"], "metric_key": metric})
        points = self._ask(f"metrics/get-history?{query}").get("metrics", [])
        return sorted((int(p.get("step", 0)), p["value"]) for p in points)

    def list_files(self, run: dict[str, Any]) -> dict[str, int]:
        """Give the names and sizes of the files of a run."""
        query = urllib.parse.urlencode({"run_id": run["info"]["run_id"]})
        found = self._ask(f"artifacts/list?{query}").get("files", [])
        return {file["path"]: int(file["file_size"]) for file in found}

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        account = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        request = urllib.request.Request(
            f"{self.uri}/api/2.0/mlflow/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Basic {account}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, Any] = json.load(response)
            return answer

    def _choose_environment(self, folder: Path) -> dict[str, str]:
        config = folder / "auth.ini"
        config.write_text(
            "[mlflow]\n"
            "default_permission = NO_PERMISSIONS\n"
            f"database_uri = sqlite:///{folder}/users.db\n"
            f"admin_username = {USER}\n"
            f"admin_password = {PASSWORD}\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        )
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {
            **kept,
            "MLFLOW_AUTH_CONFIG_PATH": str(config),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(16),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
        log = Path(self._log.name).read_text(errors="replace")
        self.stop()
        raise AssertionError(f"MLflow does not answer: {log[-3000:]}")
