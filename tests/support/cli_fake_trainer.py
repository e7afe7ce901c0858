"""A trainer that trains nothing but keeps the contract: for tests of the command line.

    python cli_fake_trainer.py SCENARIO

It goes from one stage to the next when its report was read, never by the clock, so a test sees
every stage however slow the machine is.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.05

Json = dict[str, Any]


class FakeTrainer:
    """The state of one fake attempt."""

    def __init__(self) -> None:
        self.job: Json = json.loads(Path(os.environ["FINETUNE_JOB_FILE"]).read_text())
        self.report: Json = {
            "jobUid": self.job["uid"],
            "attempt": int(os.environ["FINETUNE_ATTEMPT"]),
            "reportTime": "2026-01-01T00:00:00Z",
        }
        self.was_read = threading.Event()
        self.was_told_to_stop = False
        signal.signal(signal.SIGTERM, self._note_request)

    def _note_request(self, *_: object) -> None:
        self.was_told_to_stop = True

    def serve(self) -> None:
        """Serve the report in a thread."""
        trainer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(trainer.report).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                trainer.was_read.set()

            def log_message(self, *_: object) -> None:
                return None

        address = (os.environ["FINETUNE_REPORT_ADDRESS"], int(os.environ["FINETUNE_REPORT_PORT"]))
        server = ThreadingHTTPServer(address, Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def tell(self, **fields: Any) -> None:
        """Change the report and wait until somebody has read it, or wants us to stop."""
        self.report = self.report | fields
        self.was_read.clear()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.was_read.wait(LOOK_SECONDS) and not self.was_told_to_stop:
            if time.monotonic() > deadline:
                sys.exit("nobody asked how it goes")

    def end(self, exit_code: int, **fields: Any) -> int:
        """Leave the last word."""
        outcome = {"exitCode": exit_code, "succeeded": exit_code == 0, "report": self.report}
        Path(os.environ["FINETUNE_TERMINATION_LOG"]).write_text(json.dumps(outcome | fields))
        return exit_code

    def write_model(self) -> None:
        """Put a model where the job wants it."""
        place = self.job["outputUri"].removeprefix("pvc://")
        folder = Path(os.environ["FINETUNE_VOLUMES_DIRECTORY"]) / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.safetensors").write_bytes(b"weights")


def stop_early(trainer: FakeTrainer) -> int:
    """Train, find that nothing improves, stop."""
    best = {"metric": "f1", "best": 0.812, "bestStep": 20, "patienceRemaining": 2}
    point = {"step": 20, "loss": 0.5, "evaluationLoss": 0.45, "metric": 0.812}
    trainer.tell(phase="Load")
    trainer.tell(
        phase="Train", step=20, maximumSteps=100, loss=0.5, earlyStopping=best, history=[point]
    )
    later = {"step": 40, "loss": 0.3, "evaluationLoss": 0.48, "metric": 0.805}
    stopped = best | {
        "patienceRemaining": 0,
        "stopped": True,
        "reason": "NoImprovement",
        "stoppedStep": 40,
        "stepsSaved": 60,
    }
    trainer.write_model()
    trainer.report |= {
        "phase": "Done",
        "step": 40,
        "earlyStopping": stopped,
        "history": [point, later],
        "metrics": {
            "baseline": [{"name": "f1", "value": 0.335}],
            "best": [{"name": "f1", "value": 0.812}],
            "testBaseline": [{"name": "f1", "value": 0.333}],
            "test": [{"name": "f1", "value": 0.806}],
        },
    }
    return trainer.end(0, reason="Succeeded", message="done")


def fail_on_data(trainer: FakeTrainer) -> int:
    """Find a mistake in the data."""
    print("Traceback: the column is missing", flush=True)
    return trainer.end(
        65, reason="BadData", message="dataset.train has no column 'text'", hint="set columns.text"
    )


def save_when_told(trainer: FakeTrainer) -> int:
    """Train until told to stop, then save a checkpoint."""
    while not trainer.was_told_to_stop:
        trainer.tell(phase="Train", step=30, maximumSteps=100)
    trainer.report |= {"checkpoint": {"step": 30}}
    return trainer.end(143, reason="Terminated", message="saved a checkpoint at step 30")


def never_stop(trainer: FakeTrainer) -> int:
    """Go on whatever one is told."""
    while True:
        trainer.tell(phase="Train", step=30, maximumSteps=100)


def say_nothing(trainer: FakeTrainer) -> int:
    """End with 0 and no outcome, as a process that traps SIGTERM may."""
    del trainer
    return 0


def be_killed(trainer: FakeTrainer) -> int:
    """End as the kernel's out-of-memory killer ends processes."""
    trainer.tell(phase="Load")
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


SCENARIOS: dict[str, Callable[[FakeTrainer], int]] = {
    scenario.__name__: scenario
    for scenario in (stop_early, fail_on_data, save_when_told, never_stop, say_nothing, be_killed)
}


def main() -> int:
    """Play the scenario that is named."""
    trainer = FakeTrainer()
    trainer.serve()
    return SCENARIOS[sys.argv[1]](trainer)


if __name__ == "__main__":
    sys.exit(main())
