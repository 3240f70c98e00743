"""Measure the event network, fold by fold, and ship a training run with what was measured.

    python -m core.events.measure --data PATH/urbansound8k --speech PATH --music PATH --noise PATH
    python -m core.events.measure --data PATH/urbansound8k … --run runs/events --crossed runs/events-1 runs/events-2 \\
        --write

Fold 10 is the test of the network that learned from folds 1 and 2. --crossed names one or two more runs, of a network
that learned from fold 1 only and of one from fold 2 only: each is tested on the other's fold, and on what they say
there the threshold is chosen below which no class is named. Fold 10 had no part in any choice.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from core import training, weights
from core.errors import DataError
from core.events import data
from core.events.model import NONE, PRESETS, URBAN, EventCNN
from core.events.sample import identify
from core.events.train import OTHERS, logits_of

NAME = "events"
COMMAND = "python -m core.events.measure --data PATH --speech PATH --music PATH --noise PATH"
TABLE = Path(__file__).resolve().parents[2] / "assets/tables/events.json"
TEST, LEARNED = 10, (1, 2)
# Published accuracies on all ten folds, each tested by a network that learned from the nine others.
PUBLISHED = [
    {"name": "MFCC and a support vector machine", "accuracy": 68.0, "source": "Salamon, Jacoby, Bello 2014"},
    {"name": "CNN (Piczak)", "accuracy": 73.1, "source": "Piczak 2015, MLSP"},
    {"name": "spherical k-means", "accuracy": 73.6, "source": "Salamon and Bello 2015, ICASSP"},
    {"name": "SB-CNN", "accuracy": 73.0, "source": "Salamon and Bello 2017, arXiv:1608.04363"},
    {"name": "SB-CNN with augmentation", "accuracy": 79.0, "source": "Salamon and Bello 2017, arXiv:1608.04363"},
]
DATA = [
    {
        "name": "UrbanSound8K, folds 1 and 2 (1,761 clips of 268 freesound recordings)",
        "license": "CC BY-NC 3.0; none of it is here",
        "source": "Salamon, Jacoby, Bello 2014, urbansounddataset.weebly.com; as Opus, 14 kbit/s",
    },
    {
        "name": "Kathleen voice data set, every fifth sentence", "license": "CC0 1.0",
        "source": "github.com/rhasspy/dataset-voice-kathleen",
    },
    {
        "name": "TSP speech database, speakers FA, FB and MC", "license": "Simplified BSD, by the word of others",
        "source": "Kabal, McGill University, 2002",
    },
    {
        "name": "Everything is Free, but for Rubidium", "license": "CC0 1.0",
        "source": "github.com/ichbinsoftware/everythingisfree",
    },
    {
        "name": "MIR-1K, singers abjones and amy", "license": "research use; not here",
        "source": "Hsu and Jang 2010, sites.google.com/site/unvoicedsoundseparation",
    },
    {
        "name": "ESC-10: rain, sea waves, clock ticks, helicopters, chainsaws, fire; without its fold 3",
        "license": "CC0 and CC BY 3.0 by clip", "source": "Piczak 2015, github.com/karolpiczak/ESC-50",
    },
]  # fmt: skip
FAILURES = [
    "Has heard 268 recordings, of some classes fewer than fifteen (jackhammer: 10, air conditioner: 14, siren: 16): a "
    "machine that sounds otherwise than those is taken for another.",
    "Steady machine noises are confused with each other: air conditioner, engine, drill, jackhammer; and sirens are "
    "taken for children.",
    "Rain, sea and helicopters, which it was taught to refuse from 98 clips, it still takes for machines: of others of "
    "their kind it refuses a third. Speech and music it refuses nearly always.",
    "79.7 % is of one fold of ten, and the published figures are means over all ten, whose difficulty differs much: "
    "after fold 1 alone, with a seventh of the steps, it named 54 % of fold 2.",
    "For non-commercial use, as the recordings that it learned from.",
    "Knows events and no scenes: no set of scenes (park, metro, café) was at hand. The share of the seconds that "
    "are like each class is a summary, not a place.",
    "Music in the street and from a loudspeaker differ little: the last output was taught by studio recordings.",
]


def confusion(labels: NDArray, said: NDArray) -> NDArray[np.int64]:
    """Counts [K, K]: a row for what it was, a column for what was said."""
    out = np.zeros((len(URBAN), len(URBAN)), np.int64)
    np.add.at(out, (labels, said), 1)
    return out


def shares(logits: NDArray) -> NDArray:
    """Softmax over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def best_threshold(named: NDArray, none: NDArray) -> tuple[float, float]:
    """The threshold on the likeliest class that tells best, and the share told apart, the mean of both sides.

    Args:
        named: float [N], the largest probability of a class for each sound of a class.
        none: float [M], the same for sounds of none.
    """
    candidates = np.unique(np.concatenate([named, none]))
    kept = np.array([(named >= one).mean() for one in candidates])
    refused = np.array([(none < one).mean() for one in candidates])
    best = int((kept + refused).argmax())
    return float(candidates[best]), float((kept[best] + refused[best]) / 2)


def tested(model: EventCNN, clips: data.Clips, others: data.Clips | None) -> dict[str, Any]:
    """What a network says of clips and of other sounds: accuracy, confusion, likeliest class."""
    logits = logits_of(model, clips)
    said = logits[:, : len(URBAN)].argmax(axis=1)
    table = confusion(clips.labels, said)
    out: dict[str, Any] = {
        "accuracy": 100 * float((said == clips.labels).mean()), "confusion": table.tolist(),
        "by_class": (100 * table.diagonal() / table.sum(axis=1).clip(1)).tolist(), "clips": len(clips),
        "top3": 100 * float(np.mean([label in row for label, row in zip(
            clips.labels, np.argsort(logits[:, : len(URBAN)], axis=1)[:, -3:])])),
        "sure": shares(logits)[:, : len(URBAN)].max(axis=1),
    }  # fmt: skip
    if others is not None:
        out["sure_others"] = shares(logits_of(model, others))[:, : len(URBAN)].max(axis=1)
        out["kinds"] = others.groups
    return out


def refusals(found: dict[str, Any], threshold: float) -> dict[str, float]:
    """Percent of the clips that are named at all, of each kind of other sound that is not, and the mean of both."""
    refused, kinds = found["sure_others"] < threshold, np.array(found["kinds"])
    kept = 100 * float((found["sure"] >= threshold).mean())
    by_kind = {kind: 100 * float(refused[kinds == kind].mean()) for kind in dict.fromkeys(found["kinds"])}
    return {"named": kept, **by_kind, "balanced": (kept + float(np.mean(list(by_kind.values())))) / 2}


def dogs(folder: Path, known: data.Clips) -> data.Clips:
    """The dog barks of ESC-10 as it is given out, another set: those whose freesound recording is not among `known`.

    Raises:
        DataError: there are none.
    """
    paths = [path for path in sorted(folder.rglob("*.ogg")) if "dog" in path.as_posix().lower()]
    own = {path: path.stem.split("_")[-1].split("-")[1] for path in paths}
    paths = [path for path in paths if own[path] not in set(known.groups)]
    if not paths:
        raise DataError(f"There are no dog barks below {folder}: point --esc10 at ESC-10 as it is given out.")
    sound, samples = data.decoded(paths)
    labels = np.full(len(paths), URBAN.index("dog_bark"))
    return data.Clips(sound, samples, labels, np.zeros(len(paths), np.int64), tuple(own[path] for path in paths))


def seconds_for(model: EventCNN, length_s: float = 10.0) -> float:
    """Seconds of processor time to identify so much sound."""
    x = 0.1 * torch.randn(round(length_s * 16_000), generator=torch.Generator().manual_seed(0))
    identify(model, x)
    started = time.process_time()
    identify(model, x)
    return time.process_time() - started


def of_run(folder: Path, preset: str = "urban") -> tuple[EventCNN, dict[str, Any]]:
    """The averaged weights of a training run, and its counters."""
    model = EventCNN(PRESETS[preset])
    model.load_state_dict(load_file(folder / "average.safetensors"))
    return model.eval(), json.loads((folder / "state.json").read_text())


def crossed(runs: list[Path], clips: data.Clips, others: data.Clips | None) -> dict[str, Any]:
    """Each network on the fold that it did not learn from, and the threshold that they give together."""
    found: dict[str, Any] = {}
    for folder in runs:
        model, state = of_run(folder)
        learned = int(state["command"].split("--folds ")[1].split()[0])
        held_out = sum(LEARNED) - learned
        one = tested(model, clips.of([held_out]), others.of([held_out]) if others else None)
        found[str(held_out)] = one | {"learned": learned, "command": state["command"]}
    if others is not None:
        both = list(found.values())
        found["threshold"], found["told_apart"] = best_threshold(
            np.concatenate([one["sure"] for one in both]), np.concatenate([one["sure_others"] for one in both])
        )
    return found


def rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures as a card has them."""
    test = found["test"]
    split = f"fold {TEST}, {test['clips']} clips"
    out = [("accuracy (%)", test["accuracy"], split, COMMAND)]
    out.append(("among the first three (%)", test["top3"], split, COMMAND))
    out += [(f"recall, {name} (%)", value, split, COMMAND) for name, value in zip(URBAN, test["by_class"])]
    for fold, one in found.get("crossed", {}).items():
        if isinstance(one, dict):
            out.append((f"accuracy after fold {one['learned']} only (%)", one["accuracy"],
                        f"fold {fold}, {one['clips']} clips", one["command"]))  # fmt: skip
    if "dogs" in found:
        out.append(("dog barks of another set, ESC-10, named so (%)", found["dogs"]["accuracy"],
                    f"{found['dogs']['clips']} clips of other recordings", COMMAND + " --esc10 PATH"))  # fmt: skip
    if "refusals" in found:
        names = {"named": f"clips of fold {TEST} that are named", "balanced": "named and refused, mean of both"}
        out += [(f"{names.get(kind, f'held-out {kind} that is refused')} (%)", value,
                 "threshold from a fold that was not learned", COMMAND)
                for kind, value in found["refusals"].items()]  # fmt: skip
    out.append(("seconds for 10 s of sound, 1 thread", found["seconds_for_10_s"], "processor time", COMMAND))
    return [{"name": n, "value": round(v, 2), "split": s, "command": c} for n, v, s, c in out]


def table(found: dict[str, Any]) -> dict[str, Any]:
    """What the site draws: no arrays of single clips."""
    def lean(one: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in one.items() if k not in ("sure", "sure_others", "kinds")}

    folds = {k: lean(v) if isinstance(v, dict) else v for k, v in found.get("crossed", {}).items()}
    return {
        "classes": list(URBAN), "test": lean(found["test"]), "crossed": folds, "dogs": lean(found.get("dogs", {})),
        "published": PUBLISHED, "others_refused": found.get("refusals"), "threshold": found["threshold"],
        "seconds_for_10_s": found["seconds_for_10_s"],
    }  # fmt: skip


def ship(model: EventCNN, state: dict[str, Any], metrics: list[dict[str, Any]], *, folder: Path | None = None) -> Path:
    """Write assets/weights/events with its card."""
    return weights.save(
        model, NAME, sample_rate_hz=model.config.bands.sample_rate_hz, bits=8, folder=folder,
        description="A small VGG on log-mels with class-activation maps (arXiv:1512.04150) that names ten sounds of "
        "the city, or none. Learned from two of UrbanSound8K's ten folds, tested on one. Published, each fold tested "
        "by a network that learned from the nine others: "
        + "; ".join(f"{one['name']} {one['accuracy']:.0f} % ({one['source']})" for one in PUBLISHED) + ".",
        training_command=training.commands(state), commit=state.get("commit", training.commit_hash()),
        seed=state["seed"], steps=state["step"], hours=state["hours"], device=state.get("device", "CPU"), data=DATA,
        metrics=metrics, known_failures=FAILURES, license="cc-by-nc-3.0",
    )  # fmt: skip


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="UrbanSound8K")
    for kind in OTHERS:
        parser.add_argument(f"--{kind}", type=Path, help=f"a folder of {kind}: sounds of none of the classes")
    parser.add_argument("--esc10", type=Path, help="ESC-10 as it is given out: its dogs test on another set")
    parser.add_argument("--cache", type=Path, default=Path("runs/events-cache"), help="folder of decoded sounds")
    parser.add_argument("--run", type=Path, help="measure this training run instead of the shipped weights")
    parser.add_argument("--crossed", type=Path, nargs="+", help="runs that learned from fold 1 only, from fold 2 only")
    parser.add_argument("--write", action="store_true", help="with --run and --crossed: ship it, write card and table")
    return parser.parse_args(arguments)


def eight_bits(model: EventCNN) -> EventCNN:
    """The network as it will be loaded again: its matrices in 8 bits."""
    from core.packing import packed, unpacked

    model.load_state_dict(unpacked(packed(model.state_dict())))
    return model


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    torch.set_num_threads(1)
    state: dict[str, Any] = {}
    if options.run:
        model, state = of_run(options.run)
        model = eight_bits(model)
    else:
        model = cast(EventCNN, weights.load(NAME))
    clips = data.load(options.data, cache=options.cache)
    folders = {kind: getattr(options, kind) for kind in OTHERS}
    found: dict[str, Any] = {}
    if options.crossed:
        found["crossed"] = crossed(options.crossed, clips, data.load_others(**folders, cache=options.cache))
        if "threshold" in found["crossed"]:
            model.config = dataclasses.replace(model.config, threshold=found["crossed"]["threshold"])
    others = data.load_others(**folders, part="held-out", cache=options.cache)
    found |= {"test": tested(model, clips.of([TEST]), others), "threshold": model.config.threshold,
              "seconds_for_10_s": seconds_for(model)}  # fmt: skip
    if options.esc10:
        found["dogs"] = tested(model, dogs(options.esc10, clips), None)
    if others is not None:
        found["refusals"] = refusals(found["test"], model.config.threshold)
    for row in rows(found):
        print(f"{row['name']:50s} {row['value']:8.2f}   ({row['split']})")
    print(np.array(found["test"]["confusion"]))
    if options.write and options.run:
        TABLE.write_text(json.dumps(rounded(table(found)), indent=1) + "\n", encoding="utf-8")
        print(ship(model, state, rows(found)))


def rounded(found: Any) -> Any:
    """The same with two digits behind the point."""
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items()}
    if isinstance(found, list):
        return [rounded(value) for value in found]
    return round(found, 4) if isinstance(found, float) else found


assert NONE not in URBAN

if __name__ == "__main__":
    main()
