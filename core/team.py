"""Several processes that train one model: `accelerate launch --multi_gpu --num_processes 2 -m core.wavenet.train …`.

Hugging Face Accelerate starts the processes and lets them talk; alone (no launcher, or one process) nothing of it is
needed or imported. Every process has the whole model and its own batches; after each backward pass the gradients are
averaged, so that N processes with batches of B take the step of one with a batch of N x B (Goyal et al. 2017,
arXiv:1706.02677, section 2). The first process writes the log and the checkpoints.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn


class Team:
    """The processes of a training run, seen from one of them.

    Differs from `DistributedDataParallel`: gradients are averaged after the whole backward pass, by one call, not
    bucket by bucket during it. That is slower on many GPUs and asks nothing of how a trainer computes its loss.
    """

    @property
    def size(self) -> int:
        return max(1, int(os.environ.get("WORLD_SIZE", "1")))

    @property
    def rank(self) -> int:
        return int(os.environ.get("RANK", "0"))

    @property
    def first(self) -> bool:
        """Whether this process is the one that logs, evaluates and writes."""
        return self.rank == 0

    @cached_property
    def _accelerator(self) -> Any:
        try:
            from accelerate import Accelerator
        except ImportError:
            raise SystemExit("Training in several processes needs Accelerate: pip install accelerate.") from None
        return Accelerator(cpu=not torch.cuda.is_available())

    def device(self, name: str) -> torch.device:
        """The device of this process: its own GPU where there are several."""
        if self.size > 1 and name == "auto":
            return torch.device(self._accelerator.device)
        return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)

    @torch.no_grad()
    def begin_alike(self, *states: Mapping[str, Tensor]) -> None:
        """Give all processes the numbers of the first: weights, averages, what an optimiser remembers; in place."""
        if self.size > 1:
            self._accelerator  # noqa: B018  (opens the connection)
            from accelerate.utils import broadcast

            for state in states:
                for value in state.values():
                    value.copy_(broadcast(value.contiguous(), from_process=0))

    @torch.no_grad()
    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """The mean over all processes, in place; one message for all gradients together."""
        if self.size == 1:
            return
        found = [p.grad for p in parameters if p.grad is not None]
        flat = self._accelerator.reduce(torch.cat([grad.flatten() for grad in found]), reduction="mean")
        for grad, part in zip(found, flat.split([grad.numel() for grad in found]), strict=True):
            grad.copy_(part.view_as(grad))

    def mean(self, value: float) -> float:
        """The mean of a number over all processes; not finite if it is so anywhere."""
        if self.size == 1:
            return value
        mine = torch.tensor([value], dtype=torch.float32, device=self._accelerator.device)
        return float(self._accelerator.reduce(mine, reduction="mean"))

    def agreed(self, value: float) -> float:
        """The number of the first process: clocks differ, and all must end at the same step."""
        if self.size == 1:
            return value
        from accelerate.utils import broadcast

        return float(broadcast(torch.tensor([value], dtype=torch.float64, device=self._accelerator.device)))

    def leave(self) -> None:
        """At the end of the process's work, in good order."""
        if self.size > 1:
            self._accelerator.wait_for_everyone()
            self._accelerator.end_training()
