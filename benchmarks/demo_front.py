"""README's picture of the front: the demo run anew, and its front drawn.

It is to be made again whenever the demo's space changes (a test compares the digest in the table)
or the measurement of what is in it. The demo's study is new, in a folder that is deleted, unless
there is one to be drawn.

    python benchmarks/demo_front.py [--results FOLDER --study NAME]
"""

from __future__ import annotations

import argparse
import platform
import shlex
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from gansearch.report.front.selection import Selection
from gansearch.report.tables import FRONT, notes, probability_text, value_text
from gansearch.study.reading import load_study, pareto_front

ROOT = Path(__file__).parent.parent
SPACE = Path("search_spaces/quickstart.yaml")
PICTURE = Path("benchmarks/results/demo_front.png")
TABLE = PICTURE.with_suffix(".md")
STUDY = "quickstart"
CAVEAT = "Times depend on the machine, and with them who is stopped: another run has another front."


def digest() -> str:
    """Of the demo's space, as the table has it."""
    return sha256((ROOT / SPACE).read_bytes()).hexdigest()[:16]


def main() -> None:
    """Run the demo, or take a study of it, and write the picture and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--study", default=STUDY)
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="demo-") as folder:
        results = arguments.results or Path(folder)
        if arguments.results is None:
            _gansearch("run", SPACE, "--name", arguments.study, "--results", results)
        _gansearch("pareto", arguments.study, "--results", results, "--plot", PICTURE)
        (ROOT / TABLE).write_text(_table(arguments.study, results))


def _gansearch(*arguments: object) -> None:
    command = [sys.executable, "-c", "from gansearch.cli.app import main; main()"]
    words = [str(argument) for argument in arguments]
    print("gansearch", shlex.join(words), flush=True)
    subprocess.run([*command, *words], check=True, cwd=ROOT)


def _table(study: str, results: Path) -> str:
    _, record = load_study(study, results)
    selection = pareto_front(study, results=results)
    ends = Counter(str(trial.outcome).replace("_", " ") for trial in record.trials)
    outcomes = ", ".join(f"{count} {name}" for name, count in ends.items())
    made = f"`gansearch run {SPACE}` on {platform.machine()}, PyTorch {torch.__version__}"
    return f"""# The front of the demo

{made}: {len(record.trials)} trials, {outcomes}. {CAVEAT}

Command: `python benchmarks/demo_front.py`, some minutes; space {digest()}

![The front]({PICTURE.name})

{_rows(selection)}

{"  ".join(f"{note}." for note in notes(selection))}
"""


def _rows(selection: Selection) -> str:
    metrics = [objective.metric for objective in selection.objectives]
    rows = [["trial", "variant", *metrics, FRONT, ""], ["---"] * (4 + len(metrics))]
    for trial in selection.front:
        remark = "by noise alone" if trial in selection.by_noise else ""
        values = (value_text(selection, trial, metric) for metric in metrics)
        remark = "recommended" if trial is selection.knee else remark
        variant = str(trial.params["variant"])
        rows.append(
            [str(trial.number), variant, *values, probability_text(selection, trial), remark]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    main()
