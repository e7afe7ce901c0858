"""Who writes beside the checkpoints: one process, or several ranks into one folder.

`store`, `best` and `fold_results` write through it. Each rank adds what only it knows, such as its
random numbers or its part of a model; when all have, the leader seals the folder and names it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from finetune_trainer import sealing
from finetune_trainer.distribution.ranks import ALONE, Ranks


def allow() -> None:
    """Let anybody publish."""


@dataclass(frozen=True, slots=True)
class Writers:
    """The processes that write.

    Attributes:
        ranks: those of this training.
        may_publish: raises when another pod writes to the folder by now.
    """

    ranks: Ranks = ALONE
    may_publish: Callable[[], None] = allow

    @contextmanager
    def writing(self, final: Path, seal: Callable[[Path], None]) -> Iterator[Path]:
        """Give every rank the same folder, aside.

        Args:
            final: the name that it gets in the end.
            seal: closes the folder; the leader alone is asked.
        """

        def publish() -> None:
            seal(temporary)
            self.may_publish()
            sealing.publish(temporary, final)

        with ExitStack() as stack:
            temporary = self.ranks.lead(lambda: stack.enter_context(sealing.writing_aside(final)))
            yield temporary
            self.ranks.wait()
            self.ranks.lead(publish)


NOBODY_ELSE = Writers()
