"""Publishes a sealed model: to a bucket or a hub, whole or not at all, and only once.

`run` opens the publisher of the destination, has it checked before anything is paid for, and
publishes last of all. The model is sealed on the job's own claim first, so whatever breaks off an
upload, the next attempt sends the same bytes again.
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from finetune_api.contract.environment import Variable
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.sources import SourceScheme, parse_source
from finetune_trainer.errors import (
    AccessError,
    ConfigError,
    PreemptedError,
    TrainerError,
    TransientError,
)
from finetune_trainer.export.results import RESULT_NAME, list_sealed
from finetune_trainer.sealing import Sealed, read_manifest
from finetune_trainer.stores.buckets import Bucket, Objects, StoredObject, compute_etag
from finetune_trainer.stores.hubs import Hub

FIELD = "output.destination"
CLAIM_NAME = "publishing.json"
"""Lies at a destination from the start of a job until its model is whole: who writes here."""
PROBE_NAME = "publishing-probe"
"""Written and deleted at once, to learn at the start what these keys may do."""
Check = Callable[[], None]
"""Called between two files: raises when the process has been told to leave."""


class Publisher(Protocol):
    """A destination beyond a network."""

    def prepare(self) -> None:
        """Refuse, before anything is paid for, what could not work at the end.

        Raises:
            TrainerError: it is not there, not for us, or holds what is not ours to replace.
        """

    def publish(self, folder: Path, check: Check) -> str | None:
        """Bring a sealed folder there; what is there already is not sent again.

        Returns:
            the commit, where the destination has some.

        Raises:
            TrainerError: it broke off; nobody will take what is there for whole.
        """


def open_publisher(job: ResolvedJob) -> Publisher | None:
    """Give the publisher of a job; None where its destination is a volume."""
    if job.publish_uri is None:
        return None
    return PUBLISHERS[parse_source(job.publish_uri).scheme](job)


def publish_model(publisher: Publisher, job: ResolvedJob, folder: Path, check: Check) -> str | None:
    """Publish a sealed model, and say what is not lost where it cannot be.

    Returns:
        the commit, where the destination has some.

    Raises:
        TrainerError: it broke off.
    """
    try:
        return publisher.publish(folder, check)
    except PreemptedError:
        raise
    except TrainerError as error:
        kept = f"{error}; the model is done and lies sealed at {job.output_uri}"
        told = type(error)(kept, hint=_say_how_to_get_it(error.hint, job))
        told.artifacts = tuple(list_sealed(folder, job))
        raise told from error


def _say_how_to_get_it(hint: str | None, job: ResolvedJob) -> str:
    known = f"{hint}; " if hint else ""
    return (
        f"{known}nothing has to be trained again: copy the model from {job.output_uri}, or name"
        " that as model.source of another job"
    )


class BucketPublisher:
    """Writes below a prefix; result.json comes last, for it makes the rest a model."""

    def __init__(self, job: ResolvedJob, bucket: Objects | None = None) -> None:
        source = parse_source(job.publish_uri or "")
        self._uri = source.uri
        self._prefix = source.path
        self._bucket = bucket or Bucket(source.name, FIELD)
        self._claim = {"jobName": job.name, "jobUid": job.uid, "configHash": job.config_hash}

    def prepare(self) -> None:
        """Claim the prefix; that also shows that these keys may list, write and delete here."""
        names = self._list()
        claim = self._read_claim()
        if CLAIM_NAME in names:
            self._refuse_another(claim)
        elif RESULT_NAME not in names:
            refuse_foreign(names, self._uri)
        self._bucket.write(self._key(PROBE_NAME), b"")
        self._bucket.delete([self._key(PROBE_NAME)])
        self._write_claim(_list_replaced(claim))

    def publish(self, folder: Path, check: Check) -> str | None:
        """Send what is missing, look at all of it, and seal it."""
        sealed = read_manifest(folder, RESULT_NAME)
        there = self._list()
        if not self._is_whole(folder, sealed, there):
            replaced = self._break_the_old_seal(there)
            etags = {name: self._send(folder, name, there, check) for name in sealed.files}
            self._verify(sealed, etags)
            self._bucket.delete(self._key(name) for name in sorted(replaced - set(sealed.files)))
            self._bucket.write(self._key(RESULT_NAME), folder / RESULT_NAME)
        self._bucket.delete([self._key(CLAIM_NAME)])
        return None

    def _is_whole(self, folder: Path, sealed: Sealed, there: Mapping[str, StoredObject]) -> bool:
        names = {RESULT_NAME, *sealed.files}
        return names <= set(there) and all(_is_same(folder / n, there[n]) for n in names)

    def _break_the_old_seal(self, there: Mapping[str, StoredObject]) -> set[str]:
        """Let nobody take what lies there for a model until the new seal is on it.

        Returns:
            the files of the model that is replaced; written down first, for the seal names them.
        """
        replaced = _list_replaced(self._read_claim())
        if RESULT_NAME in there:
            replaced |= list_sealed_names(self._bucket.read(self._key(RESULT_NAME)))
            self._write_claim(replaced)
            self._bucket.delete([self._key(RESULT_NAME)])
        return replaced

    def _send(
        self, folder: Path, name: str, there: Mapping[str, StoredObject], check: Check
    ) -> str:
        check()
        if name in there and _is_same(folder / name, there[name]):
            return there[name].etag
        return self._bucket.write(self._key(name), folder / name)

    def _verify(self, sealed: Sealed, etags: Mapping[str, str]) -> None:
        there = self._list()
        for name, entry in sealed.files.items():
            found = there.get(name)
            if found is None or (found.size, found.etag) != (entry["bytes"], etags[name]):
                size = "nothing" if found is None else f"{found.size} bytes"
                raise TransientError(
                    f"{FIELD} {self._uri}: {name} was sent with {entry['bytes']} bytes, and"
                    f" {size} lie there"
                )

    def _refuse_another(self, claim: Mapping[str, Any]) -> None:
        if claim.get("jobUid") == self._claim["jobUid"]:
            return
        raise ConfigError(
            f"{FIELD} is {self._uri}, where FineTuneJob {claim.get('jobName')}"
            f" ({claim.get('jobUid')}) publishes its model, or was broken off while it did",
            hint=f"name another destination, or delete {self._uri}/{CLAIM_NAME} when that job is"
            " gone",
        )

    def _read_claim(self) -> dict[str, Any]:
        return _read_object(self._bucket.read(self._key(CLAIM_NAME)))

    def _write_claim(self, replaced: set[str]) -> None:
        claim = {**self._claim, "replaces": sorted(replaced)}
        self._bucket.write(self._key(CLAIM_NAME), json.dumps(claim).encode())

    def _list(self) -> dict[str, StoredObject]:
        found = self._bucket.list(self._prefix)
        named = {stored.key.removeprefix(f"{self._prefix}/"): stored for stored in found}
        return {name: stored for name, stored in named.items() if name != PROBE_NAME}

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}"


class HubPublisher:
    """Writes a repository in one commit; a repository that is not there is made, private."""

    def __init__(self, job: ResolvedJob, hub: Hub | None = None) -> None:
        self._uri = job.publish_uri or ""
        self._title = f"{job.name}, by FineTuneJob {job.namespace}/{job.name}"
        token = os.environ.get(Variable.HUB_TOKEN)
        if not token:
            raise AccessError(
                f"{FIELD} is {self._uri}, and there is no token to write with",
                hint="put one into the Secret of model.credentialsSecretName under the key token"
                f" (a local run reads {Variable.HUB_TOKEN} from the environment)",
            )
        self._hub = hub or Hub(parse_source(self._uri).name, FIELD, token)

    def prepare(self) -> None:
        """Make the repository, or see that it may be written to and holds nothing foreign."""
        self._hub.create()
        names = self._hub.list()
        if RESULT_NAME not in names:
            refuse_foreign(names, self._uri)

    def publish(self, folder: Path, check: Check) -> str | None:
        """Commit the folder, unless the newest commit holds it already."""
        check()
        sealed, there = read_manifest(folder, RESULT_NAME), self._hub.read(RESULT_NAME)
        if there == (folder / RESULT_NAME).read_bytes():
            return self._hub.find_commit()
        sizes = {name: entry["bytes"] for name, entry in sealed.files.items()}
        replaced = list_sealed_names(there) - set(sizes)
        commit = self._hub.commit(folder, self._title, sorted(replaced))
        found = self._hub.list()
        wrong = [name for name, size in sizes.items() if found.get(name) != size]
        if wrong:
            raise TransientError(
                f"{FIELD} {self._uri}: {', '.join(wrong[:3])} did not arrive whole in {commit}"
            )
        return commit


PUBLISHERS: dict[SourceScheme, Callable[[ResolvedJob], Publisher]] = {
    "s3": BucketPublisher,
    "hf": HubPublisher,
}


def refuse_foreign(names: Mapping[str, object], uri: str) -> None:
    """Refuse a destination that holds what no job made: publishing would replace it.

    Raises:
        ConfigError: it does.
    """
    foreign = sorted(name for name in names if name != ".gitattributes")
    if foreign:
        shown = ", ".join(foreign[:5])
        raise ConfigError(
            f"{FIELD} is {uri}, which holds files that no job made: {shown}; publishing the model"
            " would replace them",
            hint="name an empty or a new place",
        )


def list_sealed_names(result: bytes | None) -> set[str]:
    """Name the files of the model that a result.json seals; none where it cannot be read."""
    files = _read_object(result).get("files")
    return set(files) if isinstance(files, dict) else set()


def _list_replaced(claim: Mapping[str, Any]) -> set[str]:
    names = claim.get("replaces")
    return {str(name) for name in names} if isinstance(names, list) else set()


def _read_object(content: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_same(path: Path, stored: StoredObject) -> bool:
    return path.stat().st_size == stored.size and compute_etag(path) == stored.etag
