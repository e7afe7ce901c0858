"""Models and data of a bucket, and models published to one, against a real object store."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from finetune_api.contract.exit_codes import MEANINGS, ExitCode
from finetune_api.contract.outcomes import Outcome
from finetune_trainer.__main__ import main
from finetune_trainer.errors import PreemptedError
from finetune_trainer.preemption import Preemption
from s3_server import SECRET_KEY, S3Server
from trainer_jobs import TrainerJob, a_trainer_job, make_reviews, write_csv

TEAM = "team"
DESTINATION = {"destination": f"s3://{TEAM}/models/reviews"}
FILES = ["README.md", "config.json", "metrics.json", "model.safetensors", "result.json"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("store")) as server:
        yield server


@pytest.fixture
def s3(store: S3Server, tmp_path: Path, tiny_bert: Path) -> S3Server:
    """A store with a model that has more than is safe to load, and some rows."""
    shutil.rmtree(store.root / TEAM, ignore_errors=True)
    store.make_bucket(TEAM)
    store.put_folder(TEAM, "bert", tiny_bert)
    store.put(TEAM, "bert/pytorch_model.bin", b"\x80\x04")
    store.put(TEAM, "bert/modeling_tiny.py", b"raise SystemExit('code of the model was run')")
    store.put(TEAM, "rows/part-1.csv", write_csv(tmp_path / "1", make_reviews(40)).read_bytes())
    more = make_reviews(40, seed=1, offset=100)
    store.put(TEAM, "rows/part-2.csv", write_csv(tmp_path / "2", more).read_bytes())
    store.put(TEAM, "rows/_SUCCESS", b"")
    store.put(TEAM, "packed/train.tar.gz", b"\x1f\x8b")
    os.environ.update(store.variables())
    return store


@pytest.fixture
def job(tmp_path: Path, tiny_bert: Path) -> TrainerJob:
    return a_trainer_job(tmp_path / "pod", tiny_bert).with_spec(training={"epochs": 1})


def with_checkpoint_claim(job: TrainerJob) -> TrainerJob:
    (job.volumes / f"{job.name}-checkpoints").mkdir(parents=True, exist_ok=True)
    return job


def run(job: TrainerJob, preemption: Preemption | None = None) -> Outcome:
    code = main(job.environment(), preemption or Preemption())
    outcome = job.read_outcome()
    assert outcome.exit_code == code
    # Nothing that the job leaves holds the secret, whether it went well or not.
    left = [path for path in job.folder.rglob("*") if path.is_file()]
    assert [path for path in left if SECRET_KEY.encode() in path.read_bytes()] == []
    return outcome


def test_model_and_data_come_out_of_a_bucket_without_anything_unsafe(
    s3: S3Server, job: TrainerJob
) -> None:
    job.with_spec(model={"source": f"s3://{TEAM}/bert"})
    job.with_spec(dataset={"train": {"source": f"s3://{TEAM}/rows"}})

    outcome = run(job)

    assert outcome.succeeded, outcome.message
    assert outcome.report is not None
    assert outcome.report.resolved is not None
    assert outcome.report.resolved.rows == {"train": 64, "validation": 16}
    downloads = job.folder / "scratch" / "buckets"
    assert sorted(path.name for path in downloads.rglob("*.*")) == [
        "config.json",
        "model.safetensors",
        "part-1.csv",
        "part-2.csv",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_a_later_attempt_is_held_to_the_objects_of_the_first(s3: S3Server, job: TrainerJob) -> None:
    job.with_spec(model={"source": f"s3://{TEAM}/bert"}, method={"freeze": {"lowestLayers": 99}})
    assert run(job).exit_code == ExitCode.BAD_CONFIG
    s3.put(TEAM, "bert/config.json", b'{"model_type": "bert", "hidden_size": 8}')

    outcome = run(job.with_attempt(2))

    assert outcome.exit_code == ExitCode.BAD_DATA
    assert f"s3://{TEAM}/bert changed since the first attempt" in outcome.message


def nothing(_: S3Server) -> None:
    """Leave it as it is."""


def with_variable(name: str, value: str) -> Callable[[S3Server], None]:
    return lambda _: os.environ.update({name: value})


def put(key: str, content: bytes) -> Callable[[S3Server], None]:
    return lambda server: server.put(TEAM, key, content)


MODEL, ROWS = {"source": f"s3://{TEAM}/bert"}, {"source": f"s3://{TEAM}/rows"}


@pytest.mark.parametrize(
    ("change", "spec", "code", "says"),
    [
        pytest.param(
            nothing,
            {"dataset": {"train": {"source": "s3://nowhere/rows"}}},
            ExitCode.NOT_FOUND,
            "dataset.train.source s3://nowhere/rows: the object store answers 404 NoSuchBucket",
            id="no such bucket",
        ),
        pytest.param(
            nothing,
            {"dataset": {"train": {"source": f"s3://{TEAM}/row"}}},
            ExitCode.NOT_FOUND,
            f"dataset.train.source s3://{TEAM}/row is not there",
            id="no such object",
        ),
        pytest.param(
            with_variable("AWS_SECRET_ACCESS_KEY", "wrong"),
            {"dataset": {"train": ROWS}},
            ExitCode.ACCESS_DENIED,
            "403 SignatureDoesNotMatch",
            id="a wrong secret",
        ),
        pytest.param(
            with_variable("AWS_ENDPOINT_URL", "http://team:hidden-word@127.0.0.1:9"),
            {"dataset": {"train": ROWS}},
            ExitCode.TRANSIENT,
            "the object store cannot be reached",
            id="no network",
        ),
        pytest.param(
            nothing,
            {"dataset": {"train": {"source": f"s3://{TEAM}/packed/train.tar.gz"}}},
            ExitCode.BAD_CONFIG,
            "nothing but archives (train.tar.gz)",
            id="an archive of rows",
        ),
        pytest.param(
            nothing,
            {"model": {"source": f"s3://{TEAM}/packed"}},
            ExitCode.BAD_CONFIG,
            "nothing but archives (train.tar.gz)",
            id="an archive of a model",
        ),
        pytest.param(
            lambda server: server.delete(TEAM, "bert/model.safetensors"),
            {"model": MODEL},
            ExitCode.BAD_CONFIG,
            "has no safetensors weights, only pytorch_model.bin",
            id="pickles only",
        ),
        pytest.param(
            nothing,
            {"output": {"destination": "s3://nowhere/reviews"}},
            ExitCode.NOT_FOUND,
            "output.destination s3://nowhere/reviews: the object store answers 404 NoSuchBucket",
            id="no bucket to publish to",
        ),
        pytest.param(
            put("models/reviews/thesis.docx", b"years of work"),
            {"output": DESTINATION},
            ExitCode.BAD_CONFIG,
            "which holds files that no job made: thesis.docx",
            id="a destination of somebody else",
        ),
    ],
)
def test_what_a_bucket_answers_ends_with_its_code_before_torch_is_there(
    s3: S3Server,
    job: TrainerJob,
    change: Callable[[S3Server], None],
    spec: dict[str, dict[str, object]],
    code: ExitCode,
    says: str,
) -> None:
    change(s3)

    outcome = run(with_checkpoint_claim(job).with_spec(**spec))

    assert (outcome.exit_code, outcome.reason) == (code, MEANINGS[code].reason)
    assert says in outcome.message
    assert outcome.hint
    assert "hidden-word" not in job.termination_log.read_text()


def test_keys_that_may_only_read_are_found_out_at_the_start(
    s3: S3Server, job: TrainerJob, tmp_path: Path
) -> None:
    with S3Server(s3.root.parent, is_readonly=True) as readonly:
        os.environ.update(readonly.variables())

        outcome = run(with_checkpoint_claim(job).with_spec(output=DESTINATION))

    assert outcome.exit_code == ExitCode.ACCESS_DENIED
    assert outcome.report is not None
    assert outcome.report.phase != "Validate"


class LeaveWhilePublishing(Preemption):
    """Is told to leave when a part of the model has been sent."""

    def __init__(self, server: S3Server) -> None:
        super().__init__()
        self._server = server

    def check(self) -> None:
        if "config.json" in self._server.list(TEAM, "models/reviews"):
            raise PreemptedError("told to leave")


def test_an_upload_that_is_broken_off_is_completed_without_training_again(
    s3: S3Server, job: TrainerJob
) -> None:
    with_checkpoint_claim(job).with_spec(output=DESTINATION)

    first = run(job, LeaveWhilePublishing(s3))
    left = s3.list(TEAM, "models/reviews")
    shutil.rmtree(job.claim / "base", ignore_errors=True)
    (job.claim / "base").unlink(missing_ok=True)  # nothing to train from any more
    second = run(job.with_attempt(2))

    assert first.exit_code == ExitCode.PREEMPTED
    assert "result.json" not in left
    assert second.succeeded, second.message
    published = s3.list(TEAM, "models/reviews")
    assert set(FILES) <= set(published)
    assert "publishing.json" not in published
    model = second.artifacts[0]
    assert (model.name, model.uri) == ("model", DESTINATION["destination"])
    sealed = job.volumes / job.resolve().output_uri.removeprefix("pvc://") / "result.json"
    sent = s3.root / TEAM / "models" / "reviews" / "result.json"
    assert sent.read_bytes() == sealed.read_bytes()


def test_a_published_model_is_where_another_job_starts(s3: S3Server, job: TrainerJob) -> None:
    assert run(with_checkpoint_claim(job).with_spec(output=DESTINATION)).succeeded
    job.uid = "another-job"
    job.with_spec(
        model={"source": DESTINATION["destination"]}, output={"destination": "pvc://data/model"}
    )

    outcome = run(job)

    assert outcome.succeeded, outcome.message
