import contextlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from finetune_trainer import sealing
from finetune_trainer.errors import AccessError, ConfigError, PreemptedError, TransientError
from finetune_trainer.stores.hubs import Hub
from finetune_trainer.stores.publishing import (
    BucketPublisher,
    HubPublisher,
    open_publisher,
    publish_model,
)
from trainer_buckets import FakeBucket
from trainer_jobs import TrainerJob

PREFIX = "reviews/v2"
FILES = ["config.json", "model.safetensors", "result.json"]


@pytest.fixture
def job(job: TrainerJob) -> TrainerJob:
    return job.with_spec(output={"destination": f"s3://models/{PREFIX}"})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return seal(tmp_path / "sealed", b"weights")


def seal(folder: Path, weights: bytes, name: str = "model.safetensors") -> Path:
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / name).write_bytes(weights)
    sealing.seal(folder, "result.json", {"jobUid": "x"})
    return folder


def publisher_of(job: TrainerJob, bucket: FakeBucket) -> BucketPublisher:
    return BucketPublisher(job.resolve(), bucket)


def publish(job: TrainerJob, bucket: FakeBucket, model: Path) -> None:
    publisher = publisher_of(job, bucket)
    publisher.prepare()
    publisher.publish(model, lambda: None)


def names(bucket: FakeBucket) -> list[str]:
    found = [stored.key.removeprefix(f"{PREFIX}/") for stored in bucket.list(PREFIX)]
    return [name for name in found if name != "publishing-probe"]


def leave_at(count: int) -> Callable[[], None]:
    calls = iter(range(count))

    def check() -> None:
        if next(calls, None) is None:
            raise PreemptedError("told to leave")

    return check


def test_a_volume_needs_no_publisher(job: TrainerJob) -> None:
    job.with_spec(output={"destination": "pvc://data/model"})

    assert open_publisher(job.resolve()) is None


def test_the_seal_comes_last_and_the_claim_goes(job: TrainerJob, model: Path) -> None:
    bucket = FakeBucket()

    publish(job, bucket, model)

    assert names(bucket) == FILES
    assert bucket.changes[-2:] == [
        f"PUT {PREFIX}/result.json",
        f"DELETE {PREFIX}/publishing.json",
    ]


def test_an_upload_that_broke_off_is_no_model_and_is_completed(
    job: TrainerJob, model: Path
) -> None:
    bucket = FakeBucket()
    first = publisher_of(job, bucket)
    first.prepare()
    with pytest.raises(PreemptedError):
        first.publish(model, leave_at(1))
    assert names(bucket) == ["config.json", "publishing.json"]
    bucket.changes.clear()

    publish(job, bucket, model)

    assert names(bucket) == FILES
    assert f"PUT {PREFIX}/config.json" not in bucket.changes


@pytest.mark.parametrize("write", range(1, 7))
def test_a_kill_at_any_write_is_mended_by_the_next_attempt(
    job: TrainerJob, model: Path, write: int
) -> None:
    bucket = FakeBucket()

    def strike(kind: str, key: str) -> None:
        if len(bucket.changes) == write:
            raise KeyboardInterrupt

    bucket.fault = strike
    with pytest.raises(KeyboardInterrupt):
        publish(job, bucket, model)
    bucket.fault = lambda kind, key: None

    publish(job, bucket, model)

    assert names(bucket) == FILES
    assert bucket.objects[f"{PREFIX}/result.json"] == (model / "result.json").read_bytes()


def test_what_is_whole_is_not_sent_again(job: TrainerJob, model: Path) -> None:
    bucket = FakeBucket()
    publish(job, bucket, model)
    bucket.changes.clear()

    publish(job, bucket, model)

    assert [change for change in bucket.changes if "publishing" not in change] == []


def test_the_model_of_an_earlier_job_is_replaced_whole(
    job: TrainerJob, model: Path, tmp_path: Path
) -> None:
    bucket = FakeBucket()
    publish(job, bucket, model)
    bucket.put(**{f"{PREFIX}/notes.txt": b"of somebody"})
    job.uid = "another-job"
    bucket.changes.clear()
    newer = seal(tmp_path / "newer", b"other weights")

    publish(job, bucket, newer)

    assert names(bucket) == ["config.json", "model.safetensors", "notes.txt", "result.json"]
    assert bucket.objects[f"{PREFIX}/model.safetensors"] == b"other weights"
    writes = [change for change in bucket.changes if "publishing" not in change]
    assert writes[0] == f"DELETE {PREFIX}/result.json"
    assert writes[-1] == f"PUT {PREFIX}/result.json"


@pytest.mark.parametrize("write", range(12))
def test_no_file_of_a_replaced_model_is_left_wherever_the_upload_breaks_off(
    job: TrainerJob, model: Path, tmp_path: Path, write: int
) -> None:
    bucket = FakeBucket()
    publish(job, bucket, seal(tmp_path / "older", b"old", name="model-2.safetensors"))
    job.uid = "another-job"
    bucket.changes.clear()

    def strike(kind: str, key: str) -> None:
        if len(bucket.changes) == write:
            raise KeyboardInterrupt

    bucket.fault = strike
    for _ in range(2):  # the attempt that mends is struck, too
        with contextlib.suppress(KeyboardInterrupt):
            publish(job, bucket, model)
        bucket.changes.clear()
    bucket.fault = lambda kind, key: None

    publish(job, bucket, model)

    assert names(bucket) == FILES


def test_files_that_no_job_made_are_not_replaced(job: TrainerJob) -> None:
    bucket = FakeBucket(**{f"{PREFIX}/thesis.docx": b"years of work"})

    with pytest.raises(ConfigError, match=r"holds files that no job made: thesis\.docx"):
        publisher_of(job, bucket).prepare()

    assert bucket.changes == []


def test_two_jobs_do_not_publish_to_one_place(job: TrainerJob) -> None:
    claim = json.dumps({"jobUid": "other", "jobName": "theirs"}).encode()
    bucket = FakeBucket(**{f"{PREFIX}/publishing.json": claim})

    with pytest.raises(ConfigError, match=r"FineTuneJob theirs \(other\) publishes"):
        publisher_of(job, bucket).prepare()


@pytest.mark.parametrize("kind", ["PUT", "DELETE"])
def test_what_may_not_be_changed_is_refused_before_anything_is_paid_for(
    job: TrainerJob, kind: str
) -> None:
    bucket = FakeBucket()

    def deny(change: str, key: str) -> None:
        if change == kind:
            raise AccessError("denied")

    bucket.fault = deny

    with pytest.raises(AccessError):
        publisher_of(job, bucket).prepare()


def test_a_file_that_does_not_arrive_whole_is_no_model(job: TrainerJob, model: Path) -> None:
    class Lossy(FakeBucket):
        """Loses the end of every big file."""

        def write(self, key: str, content: bytes | Path) -> str:
            etag = super().write(key, content)
            if key.endswith(".safetensors"):
                self.objects[key] = self.objects[key][:-1]
            return etag

    bucket = Lossy()

    with pytest.raises(TransientError, match="was sent with 7 bytes, and 6 bytes lie there"):
        publish(job, bucket, model)

    assert "result.json" not in names(bucket)


def test_what_cannot_be_published_is_not_lost(job: TrainerJob, model: Path) -> None:
    bucket = FakeBucket()

    def deny(kind: str, key: str) -> None:
        raise AccessError("denied", hint="ask for more rights")

    bucket.fault = deny
    resolved = job.resolve()

    with pytest.raises(AccessError, match="the model is done and lies sealed at pvc://") as caught:
        publish_model(publisher_of(job, bucket), resolved, model, lambda: None)

    assert (caught.value.hint or "").startswith("ask for more rights; ")
    assert f"copy the model from {resolved.output_uri}" in (caught.value.hint or "")
    assert caught.value.artifacts[0].uri == resolved.output_uri


class FakeHub(Hub):
    """A repository in memory."""

    def __init__(self, **files: bytes) -> None:
        self.files = {name.replace("__", "."): content for name, content in files.items()}
        self.commits = 0

    def create(self) -> None:
        """It is there."""

    def list(self) -> dict[str, int]:
        return {name: len(content) for name, content in self.files.items()}

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def find_commit(self) -> str | None:
        return f"commit-{self.commits}"

    def commit(self, folder: Path, title: str, removed: Sequence[str]) -> str:
        self.files |= {path.name: path.read_bytes() for path in folder.iterdir()}
        for name in removed:
            del self.files[name]
        self.commits += 1
        return f"commit-{self.commits}"


@pytest.fixture
def hub_job(job: TrainerJob, monkeypatch: pytest.MonkeyPatch) -> TrainerJob:
    monkeypatch.setenv("HF_TOKEN", "hf_write")
    return job.with_spec(
        model={"credentialsSecretName": "hf"}, output={"destination": "hf://org/reviews"}
    )


def test_a_repository_keeps_nothing_of_the_model_that_is_replaced(
    hub_job: TrainerJob, model: Path
) -> None:
    old = json.dumps({"files": {"config.json": {}, "model-1.safetensors": {}}}).encode()
    hub = FakeHub(result__json=old, notes__md=b"of somebody")
    hub.files["model-1.safetensors"] = b"old"
    publisher = HubPublisher(hub_job.resolve(), hub)

    publisher.prepare()
    commit = publisher.publish(model, lambda: None)

    assert commit == "commit-1"
    assert sorted(hub.files) == sorted([*FILES, "notes.md"])


def test_what_is_committed_is_not_committed_again(hub_job: TrainerJob, model: Path) -> None:
    hub = FakeHub()
    publisher = HubPublisher(hub_job.resolve(), hub)
    publisher.publish(model, lambda: None)

    assert publisher.publish(model, lambda: None) == "commit-1"
    assert hub.commits == 1


def test_a_hub_needs_a_token(job: TrainerJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    job.with_spec(model={"credentialsSecretName": "hf"}, output={"destination": "hf://org/reviews"})

    with pytest.raises(AccessError, match="there is no token to write with") as caught:
        HubPublisher(job.resolve())

    assert "under the key token" in (caught.value.hint or "")
