"""The trained weights on the Hugging Face Hub: the folders of assets/weights there and back.

    python -m core.hub push --repo USER/NAME           every folder of assets/weights, in one commit
    python -m core.hub pull --repo USER/NAME           the same folders, from there into assets/weights
    ... --only wavenet-vocoder wavenet-speech          these only
    ... --folder runs/weights                          another folder of weights
    ... --endpoint https://hub.school.example          another server that speaks as the Hub does

Who pushes logs in first, with `hf auth login`; the token is read from where huggingface_hub keeps it (or from
HF_TOKEN), so that it stands in no command. It is sent to the server that you name.

Both ways every file is compared with the SHA-256 in its config.json, as `core.weights.load` does. What is pulled is
put in place only when all of it has arrived and fits.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from core import weights
from core.errors import HubError, LessonError, WeightsError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

HUB = "https://huggingface.co"
LOCAL = ("localhost", "127.0.0.1", "::1")
FIRST = ("config.json", "model.safetensors", "README.md")  # what every folder has


class Place(NamedTuple):
    """A repository on a server."""

    repo: str
    endpoint: str = HUB
    revision: str | None = None  # a branch, tag or commit; None: its main branch


def push(place: Place, *, names: list[str] | None = None, folder: Path | None = None, create: bool = False) -> str:
    """Send weights, in one commit: all of them arrive or none. Files that are there already are not sent again.

    Args:
        names: of `weights.names()`; None for all.  folder: where they lie, normally assets/weights.
        create: make the repository, a private one, if it is not there.
    Returns:
        the address of the commit.
    Raises:
        WeightsError: weights that are not there, or damaged.
        HubError: not logged in, no such repository, no right to write, no network.
    """
    from huggingface_hub import CommitOperationAdd, get_token

    _check(place)
    chosen = _chosen(names, weights.names(folder=folder))
    files = {
        f"{name}/{file}": content
        for name in chosen
        for file, content in weights.contents(name, folder=folder).items()
    }
    if names is None:
        files["README.md"] = index(chosen, folder=folder).encode()
    if get_token() is None:
        raise HubError("Nobody is logged in: run `hf auth login` with a token that may write, then this again.")
    with _said(place):
        api = _api(place)
        if create:
            api.create_repo(place.repo, private=True, exist_ok=True)
        api.model_info(place.repo)  # one question, before anything is sent
        operations = [CommitOperationAdd(path, content) for path, content in files.items()]
        done = api.create_commit(place.repo, operations, commit_message=f"Weights: {', '.join(chosen)}"[:200])
    return done.commit_url


def pull(place: Place, *, names: list[str] | None = None, folder: Path | None = None) -> list[str]:
    """Fetch weights, check them, and put them in place; what was there under their names goes.

    Args:
        names: of folders in the repository; None for all.  folder: where to, normally assets/weights.
    Returns:
        the names, sorted.
    Raises:
        HubError: no such repository, revision or weights, no network, or a file that does not fit its SHA-256. Then
            nothing has changed here.
    """
    _check(place)
    root = folder or weights.FOLDER
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".pull-", dir=root) as temporary:
        new, old = Path(temporary) / "new", Path(temporary) / "old"
        with _said(place):
            chosen = _fetch(place, names, new)
        for name in chosen:
            try:
                weights.contents(name, folder=new)
            except WeightsError as error:
                reason = str(error).partition(":")[0]
                raise HubError(
                    f"What {place.repo} holds does not fit together: {reason}. Nothing was changed here; "
                    "push these weights again, or choose another --revision."
                ) from error
        _put(chosen, new, old, root)
    return chosen


def index(names: list[str], *, folder: Path | None = None) -> str:
    """The README.md of the repository, a table of its folders: the licence of each is its own."""
    lines = ["---", "license: other", "library_name: pytorch", "tags:", "- audio", "---", "", "# Weights", ""]
    lines += ["One folder for each network; its README.md is its model card.", ""]
    lines += ["| folder | network | parameters | licence |", "|---|---|---|---|"]
    for name in names:
        card = weights.card(name, folder=folder)
        row = (f"[{name}]({name})", card["architecture"], f"{card['parameters']:,}", card.get("license", ""))
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _check(place: Place) -> None:
    """Refuse what cannot be a repository, and a server to which the token would travel in the clear."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", place.repo, re.ASCII):
        raise HubError(f"{place.repo!r:.80} is not a repository: write --repo USER/NAME.")
    address = urlsplit(place.endpoint)
    local = address.scheme == "http" and address.hostname in LOCAL
    if not address.hostname or not (address.scheme == "https" or local):
        raise HubError(f"{place.endpoint!r:.80} is not a server: --endpoint begins with https://.")


def _chosen(names: list[str] | None, there: list[str]) -> list[str]:
    absent = sorted(set(names or []) - set(there))
    if absent or not there:
        known = ", ".join(there) or "none"
        raise HubError(f"There are no weights called {', '.join(absent) or 'anything'} (there are: {known}).")
    return sorted(set(names)) if names else there


def _api(place: Place) -> HfApi:
    from huggingface_hub import HfApi

    return HfApi(endpoint=place.endpoint.rstrip("/"), library_name="deep-learning-for-audio")


def _fetch(place: Place, names: list[str] | None, new: Path) -> list[str]:
    """Download the files of one commit into new/<name>/; gives the names."""
    api = _api(place)
    info = api.model_info(place.repo, revision=place.revision, files_metadata=True)
    sizes = {one.rfilename: one.size for one in info.siblings or []}
    there = [path.partition("/")[0] for path in sizes if path.endswith("/config.json") and path.count("/") == 1]
    chosen = _chosen(names, sorted(name for name in there if weights.is_name(name)))

    def get(name: str, file: str) -> None:
        path = f"{name}/{file}"
        if path not in sizes:
            raise HubError(f"{place.repo} has no {path}: push these weights again.")
        if (sizes[path] or 0) > weights.MAX_FILE_BYTES:
            raise HubError(f"{path} in {place.repo} takes more than 10 MB: these are other weights than ours.")
        api.hf_hub_download(place.repo, path, revision=info.sha, local_dir=new)

    for name in chosen:
        for file in FIRST:
            get(name, file)
        try:
            others = weights.other_files(name, weights.card(name, folder=new))
        except WeightsError as error:
            raise HubError(f"{name}/config.json in {place.repo} cannot be used: push these weights again.") from error
        for file in [*others, *([weights.LICENCE] if f"{name}/{weights.LICENCE}" in sizes else [])]:
            get(name, file)
    return chosen


def _put(names: list[str], new: Path, old: Path, root: Path) -> None:
    """Move the folders into place; if one cannot be moved, those before it go back."""
    old.mkdir()
    moved: list[str] = []
    try:
        for name in names:
            if (root / name).exists():
                (root / name).rename(old / name)
            moved.append(name)
            (new / name).rename(root / name)
    except OSError as error:
        for name in moved:
            shutil.rmtree(root / name, ignore_errors=True)
            if (old / name).exists():
                (old / name).rename(root / name)
        raise HubError(f"{root} cannot be written ({error.strerror}): nothing was changed.") from error


@contextmanager
def _said(place: Place) -> Iterator[None]:
    """Turn what huggingface_hub raises into one sentence that says what to do."""
    from huggingface_hub import errors

    try:
        yield
    except errors.RevisionNotFoundError as error:
        raise HubError(f"{place.repo} has no revision {place.revision!r:.80}: leave --revision out.") from error
    except errors.RepositoryNotFoundError as error:
        raise HubError(
            f"There is no repository {place.repo} at {place.endpoint} that you may read. Compare the name with its "
            "page; if it is private, run `hf auth login` first; to make it when you push, add --create."
        ) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise HubError(
                f"{place.endpoint} does not allow this for {place.repo} (status {status}): run `hf auth login` with a "
                "token that may write there."
            ) from error
        raise HubError(f"{place.endpoint} could not do this (status {status}): try again later.") from error
    except (errors.HTTPError, errors.LocalEntryNotFoundError, OSError) as error:
        raise HubError(
            f"{place.endpoint} cannot be reached, or broke off ({type(error).__name__}): is there a network? Run this "
            "again then; nothing was changed here."
        ) from error
    except ValueError as error:  # JSON that is none
        raise HubError(f"{place.endpoint} does not answer as a Hub does ({error!s:.99}): is it one?") from error


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m core.hub", description=__doc__.splitlines()[0])
    parser.add_argument("way", choices=("push", "pull"))
    parser.add_argument("--repo", required=True, metavar="USER/NAME", help="the repository of models on the Hub")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these weights only")
    parser.add_argument("--folder", type=Path, default=weights.FOLDER, help="the folder of weights here")
    parser.add_argument("--endpoint", default=HUB, help="another server; your token, if you have one, goes to it")
    parser.add_argument("--revision", help="pull: a branch, tag or commit")
    parser.add_argument("--create", action="store_true", help="push: make the repository, private, if there is none")
    options = parser.parse_args(arguments)
    place = Place(options.repo, options.endpoint, options.revision)
    try:
        if options.way == "push":
            print(push(place, names=options.only, folder=options.folder, create=options.create))
        else:
            print("\n".join(pull(place, names=options.only, folder=options.folder)))
    except LessonError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
