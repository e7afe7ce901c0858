from pathlib import Path
from typing import Any

from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_trainer.distribution.meetings import Meeting, plan_meeting
from finetune_trainer.settings import Settings
from trainer_jobs import UID, a_trainer_job


def resolve(tmp_path: Path, **resources: Any) -> ResolvedJob:
    return a_trainer_job(tmp_path).with_spec(resources=resources).resolve()


def settings(tmp_path: Path, **changes: Any) -> Settings:
    return Settings(tmp_path, tmp_path, tmp_path, tmp_path, attempt=3, **changes)


def test_the_gpus_of_one_pod_meet_in_it(tmp_path: Path) -> None:
    job = resolve(tmp_path, gpusPerNode=4)

    assert plan_meeting(job, settings(tmp_path)) == Meeting(f"{UID}-3", nodes=1, processes=4)


def test_pods_meet_at_the_one_with_index_0(tmp_path: Path) -> None:
    job = resolve(tmp_path, nodes=2, gpusPerNode=8)

    meeting = plan_meeting(job, settings(tmp_path, node_rank=1, leader_address="reviews-3-0.r"))

    assert (meeting.nodes, meeting.processes, meeting.node_rank) == (2, 8, 1)
    assert (meeting.leader, meeting.port) == ("reviews-3-0.r", 29500)


def test_without_an_address_all_processes_are_on_this_machine(tmp_path: Path) -> None:
    job = resolve(tmp_path, nodes=2, gpusPerNode=0)

    assert plan_meeting(job, settings(tmp_path)) == Meeting(f"{UID}-3", nodes=1, processes=2)
