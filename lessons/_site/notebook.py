# The first cell of every notebook, in jupytext's percent format.

# %% setup
import os
import sys
from pathlib import Path

repository = "."  # the folder that holds core/ and lessons/, or any folder in it
folder = Path(repository).resolve()
while not ((folder / "core").is_dir() and (folder / "lessons").is_dir()):
    if folder == folder.parent:
        raise FileNotFoundError(
            "Not found: the repository (core/, lessons/). Get it:\n"
            "  git clone <address> audio-lessons && cd audio-lessons && pip install -r requirements.txt\n"
            "and write its path into `repository` above."
        )
    folder = folder.parent
os.chdir(folder)
sys.path.insert(0, str(folder))
