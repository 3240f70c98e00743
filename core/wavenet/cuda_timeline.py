"""Who does what when in the CUDA kernel's pipeline, worked out from a layout and rough costs: for the lesson.

Costs are estimates in clock cycles, not measurements; what follows from them without doubt is the order: what waits for
what, what happens behind whose back, and why several sounds fill the pipeline that one leaves empty.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.wavenet.engines.cuda_plan import BYTES_PER_CYCLE, LAYER_CYCLES, Plan

DRAW_CYCLES = 400


@dataclass(frozen=True)
class Latencies:
    """Clock cycles until what an instruction gives can be used.

    These are round assumptions; `python -m benchmarks.wavenet --cuda` measures them on its GPU (latency.cu).
    """

    multiply_add: float = 4
    shared_memory: float = 30
    shuffle: float = 24
    barrier: float = 30


@dataclass(frozen=True)
class Floor:
    """The time that no schedule of this chain of products can beat, in clock cycles, and what it is made of.

    A sample goes through `products` products one after the other, each with a barrier behind it: gate and residual of
    every layer but the last, which has no residual. A product takes one read from shared memory, `deep` multiply-adds
    that wait for each other, and `steps` shuffles, each with an addition, that sum a row over its lanes. The gate's
    nonlinearity, messages between blocks, heads and draw are left out, so the true time is above it.
    """

    layers: int
    products: int
    deep: int
    steps: int
    product_cycles: float
    barrier_cycles: float

    @property
    def cycles(self) -> float:
        return self.products * (self.product_cycles + self.barrier_cycles)


def floor(plan: Plan, latencies: Latencies | None = None) -> Floor:
    """The floor of latency of a layout: layers times dependent products and barriers."""
    known = latencies or Latencies()
    shapes = [plan.shape("gate"), plan.shape("residual")]
    # Words of a row's lane are summed beside each other, and their sums one after the other (product.h).
    deep = min(shape.chunk + shape.each // shape.passes - 1 for shape in shapes)
    steps = min(shape.lanes.bit_length() - 1 for shape in shapes)
    product = known.shared_memory + deep * known.multiply_add + steps * (known.shuffle + known.multiply_add)
    layers = plan.config.layers
    return Floor(layers, 2 * layers - 1, deep, steps, product, known.barrier)


@dataclass(frozen=True)
class Task:
    """A stretch of work: `unit` is "stage 0 chain", "stage 0 helpers", …, "head 0", …; times in cycles."""

    unit: str
    kind: str  # "chain", "skip", "older", "head", "draw"
    sample: int
    sound: int
    layer: int  # -1 where it is not of a layer
    start: float
    end: float


def read_cycles(words: int) -> float:
    """Reading so many 16-byte words of weights from shared memory."""
    return 16 * words / BYTES_PER_CYCLE


def simulate(plan: Plan, *, samples: int, sounds: int) -> list[Task]:
    """Every task of so many samples of so many sounds in one pipeline, in the order of the kernel's loops.

    Args:
        samples, sounds: at least 1.
    """
    layers, stages = plan.config.layers, plan.stages
    skip_cycles = read_cycles(plan.shape("skip").words)
    older_cycles = read_cycles(plan.older * plan.shape("older").words)
    heads = [read_cycles(plan.shape(name).words) for name in ("head1", "head2")]
    chain_free, helpers_free, head_free = [0.0] * stages, [0.0] * stages, 0.0
    older_ready = [[0.0] * sounds for _ in range(stages)]
    begins = [0.0] * sounds  # when the first stage has the sound's next input
    tasks: list[Task] = []
    for sample in range(samples):
        for sound in range(sounds):
            arrival, partial = begins[sound], 0.0
            for stage in range(stages):
                own = range(stage * plan.per_stage, min((stage + 1) * plan.per_stage, layers))
                now = max(arrival, chain_free[stage], older_ready[stage][sound])
                behind = helpers_free[stage]
                for layer in own:
                    tasks.append(
                        Task(f"stage {stage} chain", "chain", sample, sound, layer, now, now + LAYER_CYCLES)
                    )
                    now += LAYER_CYCLES
                    behind = max(behind, now)
                    end = behind + skip_cycles
                    tasks.append(Task(f"stage {stage} helpers", "skip", sample, sound, layer, behind, end))
                    behind = end
                chain_free[stage], arrival = now, now + plan.hop_cycles
                partial = max(behind, partial) + plan.hop_cycles
                for layer in own:
                    end = behind + older_cycles
                    tasks.append(Task(f"stage {stage} helpers", "older", sample, sound, layer, behind, end))
                    behind = end
                helpers_free[stage] = older_ready[stage][sound] = behind
            start = max(partial, head_free)
            hidden = start + heads[0] + plan.hop_cycles
            logits = hidden + heads[1] + plan.hop_cycles
            for part in range(plan.heads):
                tasks.append(Task(f"head {part}", "head", sample, sound, -1, start, start + heads[0]))
                tasks.append(Task(f"head {part}", "head", sample, sound, -1, hidden, hidden + heads[1]))
            tasks.append(Task("head 0", "draw", sample, sound, -1, logits, logits + DRAW_CYCLES))
            head_free = logits + DRAW_CYCLES
            begins[sound] = head_free + plan.hop_cycles
    return tasks


def cycles_per_sample(tasks: list[Task]) -> float:
    """Cycles from one draw of a sound to its next, once the pipeline is full."""
    draws = [task.end for task in tasks if task.kind == "draw" and task.sound == 0]
    return draws[-1] - draws[-2]


def busy(tasks: list[Task], unit: str) -> float:
    """Share of the time between the last two draws of sound 0 in which a unit works."""
    draws = [task.end for task in tasks if task.kind == "draw" and task.sound == 0]
    first, last = draws[-2], draws[-1]
    worked = sum(max(0.0, min(t.end, last) - max(t.start, first)) for t in tasks if t.unit == unit)
    return worked / (last - first)
