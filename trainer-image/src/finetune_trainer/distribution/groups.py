"""Ranks that are processes, connected by torch.distributed.

`__main__` joins the group where torchrun has started it. What is agreed upon goes over gloo, also
beside GPUs: NCCL would keep the GPU waiting for a flag, and gives up after minutes, while the
leader may well upload for an hour. Who dies closes its connections, which the others hear at once.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from finetune_trainer.distribution.ranks import ALONE, Ranks, Seat
from finetune_trainer.errors import StalledError, TrainerError
from finetune_trainer.translations import translate

T = TypeVar("T")
PATIENCE = timedelta(days=1)
"""A peer that hangs is ended by the leader's watch, one that dies is heard of: this is neither."""


class Group:
    """All ranks of a training."""

    def __init__(self, seat: Seat, channel: Any) -> None:
        """Take a seat.

        Args:
            seat: of this process.
            channel: the process group over gloo.
        """
        self._seat = seat
        self._channel = channel

    @property
    def seat(self) -> Seat:
        """The place of this process."""
        return self._seat

    def lead(self, work: Callable[[], T]) -> T:
        """Let the leader work; its result or its error goes to all."""
        import torch.distributed as dist

        sent: list[Any] = [None, None]
        if self.seat.is_leader:
            try:
                sent[0] = work()
            except Exception as error:  # raised again below, in every rank
                sent[1] = error if isinstance(error, TrainerError) else translate(error)
                sent[1].__cause__ = None if error is sent[1] else error
        self._speak(lambda: dist.broadcast_object_list(sent, src=0, group=self._channel))
        if sent[1] is not None:
            raise sent[1]
        result: T = sent[0]
        return result

    def take_turns(self, work: Callable[[], T]) -> T:
        """Let the first process of each pod work before the others."""
        if self.seat.local_rank == 0:
            result = work()
            self.wait()
            return result
        self.wait()
        return work()

    def agree(self, flag: bool) -> bool:
        """Tell whether any rank said yes."""
        import torch
        import torch.distributed as dist

        votes = torch.tensor([int(flag)])
        self._speak(lambda: dist.all_reduce(votes, group=self._channel))
        return bool(votes.item())

    def average(self, value: float) -> float:
        """Give the mean of what all ranks have."""
        import torch
        import torch.distributed as dist

        sum_ = torch.tensor([value], dtype=torch.float64)
        self._speak(lambda: dist.all_reduce(sum_, group=self._channel))
        return float(sum_.item()) / self.seat.count

    def wait(self) -> None:
        """Go on when all ranks have come this far."""
        self.agree(False)

    def _speak(self, talk: Callable[[], object]) -> None:
        try:
            talk()
        except RuntimeError as error:
            raise StalledError(
                f"rank {self.seat.rank} lost its peers: {str(error).splitlines()[0][:200]}",
                hint="look at the outcomes and logs of the other ranks, one of which ended first",
            ) from error


def join(seat: Seat) -> Ranks:
    """Connect with the other ranks; alone, there is nobody to connect with.

    Raises:
        StalledError: they did not come.
    """
    if seat.count == 1:
        return ALONE
    import torch
    import torch.distributed as dist

    # Where a GPU is asked for and missing, every rank falls back to the CPU like a single one.
    has_gpu = torch.cuda.device_count() >= seat.local_count
    if has_gpu:
        torch.cuda.set_device(seat.local_rank)
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if has_gpu else "gloo", timeout=PATIENCE)
        channel = dist.new_group(backend="gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise StalledError(f"rank {seat.rank} did not find its peers: {error}") from error
    return Group(seat, channel)


def leave(ranks: Ranks) -> None:
    """Close the connections after a good end; the end of the process would do it with a warning."""
    if ranks.seat.count > 1:
        import torch.distributed as dist

        dist.destroy_process_group()
