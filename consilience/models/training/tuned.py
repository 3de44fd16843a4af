"""Fine-tunes all-MiniLM-L6-v2 as a cross-encoder on the CPU or a GPU, and writes it with int8 matrices.

Needs the extra `train`. Matrices work in bfloat16 and are kept in float32; word embeddings stay as they were published;
there is no dropout, which on a CPU costs as much as the model. Attention is spelled out (`eager`): the fused kernel is
four times slower going backwards in bfloat16.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilience.models.crossing import LABELS, Pieces
from consilience.models.training.sets import Pair

_TOKENS_A_BATCH = 4096


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long and how hard to train."""

    epochs: int
    rate: float
    seed: int = 13
    smoothing: float = 0.05
    warm: float = 0.06
    decay: float = 0.01


def device() -> str:
    """`cuda` where there is one, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def fresh(folder: Path, seed: int) -> Any:
    """The published model with a head of random weights: three scores of [CLS] beside the mean of all tokens."""
    import torch
    from transformers import BertModel

    torch.manual_seed(seed)
    body = BertModel.from_pretrained(
        str(folder), local_files_only=True, add_pooling_layer=False, attn_implementation="eager",
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return _net(body)


def _net(body: Any) -> Any:
    import torch

    class Net(torch.nn.Module):
        def __init__(self, body: Any) -> None:
            super().__init__()
            self.body = body
            self.head = torch.nn.Linear(2 * body.config.hidden_size, len(LABELS))
            body.embeddings.requires_grad_(False)

        def forward(self, ids: Any, mask: Any, types: Any) -> Any:
            states = self.body(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
            kept = mask.unsqueeze(-1).to(states.dtype)
            mean = (states * kept).sum(1) / kept.sum(1)
            return self.head(torch.cat([states[:, 0], mean], dim=1))

    return Net(body)


def train(net: Any, pairs: Sequence[Pair], pieces: Pieces, recipe: Recipe, told: Callable[[str], None]) -> None:
    """Fine-tune `net` (float32, in place) on pairs; the same seed, data and machine give the same weights."""
    import copy

    import torch

    where = device()
    low = copy.deepcopy(net).to(where).to(torch.bfloat16)
    moved = [(mine, theirs) for mine, theirs in zip(net.parameters(), low.parameters(), strict=True)]
    moved = [(mine, theirs) for mine, theirs in moved if mine.requires_grad]
    plain = [mine for mine, _ in moved if mine.ndim < 2]
    decayed = [mine for mine, _ in moved if mine.ndim >= 2]
    groups = [{"params": plain, "weight_decay": 0.0}, {"params": decayed, "weight_decay": recipe.decay}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98))
    tokens = [pieces.joined(pair.claim, pair.evidence) for pair in pairs]
    labels = [LABELS.index(pair.label) for pair in pairs]
    weights = [pair.weight for pair in pairs]
    chance = random.Random(recipe.seed)  # noqa: S311 - the order of batches, not secrets
    plan = [batch for _ in range(recipe.epochs) for batch in _shuffled([len(ids) for ids, _ in tokens], chance)]
    lost = 0.0
    for step, rows in enumerate(plan):
        rate = min((step + 1) / (recipe.warm * len(plan) + 1), 1 - step / len(plan))
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * rate
        ids, mask, types = (torch.from_numpy(one).to(where) for one in padded([tokens[row] for row in rows]))
        scores = low(ids, mask, types).float()
        wanted = torch.tensor([labels[row] for row in rows], device=where)
        loss: Any = torch.nn.functional.cross_entropy(
            scores, wanted, reduction="none", label_smoothing=recipe.smoothing
        ) @ torch.tensor([weights[row] for row in rows], device=where)
        (loss / len(rows)).backward()
        for mine, theirs in moved:
            mine.grad = theirs.grad.to("cpu", torch.float32)
            theirs.grad = None
        torch.nn.utils.clip_grad_norm_([mine for mine, _ in moved], 1.0)
        optimizer.step()
        with torch.no_grad():
            for mine, theirs in moved:
                theirs.copy_(mine)
        lost = 0.98 * lost + 0.02 * float(loss.detach()) / len(rows)
        if step % 100 == 99:
            told(f"step {step + 1} of {len(plan)}, loss {lost / (1 - 0.98 ** (step + 1)):.3f}")


def padded(tokens: Sequence[tuple[Sequence[int], int]]) -> tuple[npt.NDArray[np.int64], ...]:
    """Word pieces, mask and types of a batch, each of shape (pairs, longest)."""
    longest = max(len(ids) for ids, _ in tokens)
    ids, mask, types = (np.zeros((len(tokens), longest), dtype=np.int64) for _ in range(3))
    for row, (found, second) in enumerate(tokens):
        ids[row, : len(found)] = found
        mask[row, : len(found)] = 1
        types[row, second : len(found)] = 1
    return ids, mask, types


def _shuffled(lengths: Sequence[int], chance: random.Random) -> Iterator[list[int]]:
    """Batches of about one length, in an order drawn anew."""
    rows = sorted(range(len(lengths)), key=lambda row: (lengths[row] // 16, chance.random()))
    batches: list[list[int]] = [[]]
    for row in rows:  # in order of length: this row is the batch's longest
        if (len(batches[-1]) + 1) * lengths[row] > _TOKENS_A_BATCH or len(batches[-1]) == 32:
            batches.append([])
        batches[-1].append(row)
    chance.shuffle(batches)
    return iter(batches)


def export(net: Any, path: Path, temperature: float = 1.0) -> None:
    """Write the model as ONNX: matrices and word embeddings int8, a scale for each row; the rest float32.

    Scores are divided by `temperature`, and come out as probabilities in the order of `LABELS`.
    """
    import copy

    import torch

    whole = copy.deepcopy(net).float().eval()
    with torch.no_grad():
        whole.head.weight /= temperature
        whole.head.bias /= temperature
    for module in list(whole.body.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, torch.nn.Linear):
                setattr(module, name, _packed_linear(child))
            elif isinstance(child, torch.nn.Embedding) and child.num_embeddings > 1000:
                setattr(module, name, _packed_embedding(child))

    class Probable(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = whole

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
            return torch.softmax(self.net(input_ids, attention_mask, token_type_ids), dim=1)

    example = torch.ones((2, 32), dtype=torch.int64)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    torch.onnx.export(
        Probable().eval(), (example, example, torch.zeros_like(example)), str(path), dynamo=False,
        input_names=names, output_names=["probabilities"], opset_version=17, do_constant_folding=False,
        dynamic_axes={name: {0: "pairs", 1: "tokens"} for name in names} | {"probabilities": {0: "pairs"}},
    )  # fmt: skip


def _rounded(matrix: Any) -> tuple[Any, Any]:
    """A matrix as int8 and the scale of each row."""
    import torch

    scale = matrix.abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127
    return torch.round(matrix / scale).to(torch.int8), scale


def _packed_linear(layer: Any) -> Any:
    import torch

    class Packed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rounded: Any
            self.scale: Any
            self.bias: Any
            rounded, scale = _rounded(layer.weight.detach())
            self.register_buffer("rounded", rounded)
            self.register_buffer("scale", scale)
            self.register_buffer("bias", layer.bias.detach())

        def forward(self, states: Any) -> Any:
            return torch.nn.functional.linear(states, self.rounded.float() * self.scale, self.bias)

    return Packed()


def _packed_embedding(table: Any) -> Any:
    import torch

    class Packed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rounded: Any
            self.scale: Any
            rounded, scale = _rounded(table.weight.detach())
            self.register_buffer("rounded", rounded)
            self.register_buffer("scale", scale)

        def forward(self, ids: Any) -> Any:
            return self.rounded[ids].float() * self.scale[ids]

    return Packed()


def probabilities(net: Any, pairs: Sequence[tuple[str, str]], pieces: Pieces) -> npt.NDArray[np.float64]:
    """What the model in training says of some pairs, shape (pairs, 3)."""
    import torch

    tokens = [pieces.joined(claim, evidence) for claim, evidence in pairs]
    order = sorted(range(len(tokens)), key=lambda row: len(tokens[row][0]))
    found = np.zeros((len(tokens), len(LABELS)))
    with torch.no_grad():
        for start in range(0, len(order), 16):
            rows = order[start : start + 16]
            found[rows] = torch.softmax(net(*map(torch.from_numpy, padded([tokens[row] for row in rows]))), 1).numpy()
    return found
