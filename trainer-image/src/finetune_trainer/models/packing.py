"""Makes sure that a model keeps packed rows apart, before it is trained on them.

`training.trainers` asks where training.packing is on. Most models of transformers take the jumps of
the positions for the borders of rows; one that does not would learn from rows that stand next to
each other by chance, and nothing would show it. So the model itself is asked.
"""

from typing import TYPE_CHECKING, Any

from finetune_trainer.errors import ConfigError

if TYPE_CHECKING:
    import torch

ROWS = ((3, 5, 4, 6, 5), (7, 4, 6))
"""Numbers of tokens; which ones does not matter, every vocabulary has them."""
TOLERANCE = 0.01
"""The share of what a look across rows would change; rounding changes far less."""


def check_packing(model: Any, source: str) -> None:
    """Compare what the model says about two rows, packed and alone.

    Raises:
        ConfigError: it lets the second row see the first, or does not count its positions anew.
    """
    import torch

    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            alone = torch.cat([_ask(model, row) for row in ROWS])
            packed = _ask(model, sum(ROWS, ()), [n for row in ROWS for n in range(len(row))])
            across = _ask(model, sum(ROWS, ()))
    finally:
        model.train(was_training)
    change = (packed - alone).abs().max()
    if not change <= TOLERANCE * (across - alone).abs().max() + torch.finfo(alone.dtype).eps:
        raise ConfigError(
            f"training.packing is true, but the {model.config.model_type} model of {source} lets"
            " rows that share a sequence see each other",
            hint="set training.packing to false",
        )


def _ask(model: Any, tokens: tuple[int, ...], positions: list[int] | None = None) -> "torch.Tensor":
    import torch

    device = next(model.parameters()).device
    batch = {"input_ids": torch.tensor([tokens], device=device)}
    if positions is not None:
        batch["position_ids"] = torch.tensor([positions], device=device)
    logits: torch.Tensor = model(**batch, use_cache=False).logits[0, -len(tokens) :]
    return logits.float()
