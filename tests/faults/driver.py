"""A study's driver as a process of its own, with a diary of what its workers did.

``python driver.py run|resume RESULTS RAY_FOLDER``
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import ray

from gansearch.paths import REPORT_FILE
from gansearch.search.engine import tune
from gansearch.search.engine.worker import Job, Send, train_trial
from gansearch.space import parse_space
from gansearch.study.run import resume_study, run_study

SPACE = """
name: killed
variant: dcgan
data: {name: digits, holdout: 0.5}
evaluation: {samples: 200}
training: {batch_size: 64, g_channels: 8, d_channels: 8}
parameters:
  g_lr: {type: float, low: 1e-3, high: 4e-3, log: true}
objectives:
  fd_digits: minimize
  train_seconds: minimize
budget: {trials: 6, max_kimg: 12, rungs: [3, 4, 5, 6, 7, 8, 9, 10, 11]}
resources: {cpus: 1}
search: {sampler: tpe, stopping: none, seed: 1}
"""


def main(command: str, results: Path, ray_folder: str) -> None:
    ray.init(
        "local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        _temp_dir=ray_folder,
    )
    diary = results / "diary.jsonl"

    def with_diary(job: Job, send: Send) -> None:
        from gansearch.search.engine import worker

        def note(**entry: object) -> None:
            line = {"trial": job["number"], "pid": os.getpid(), **entry}
            with diary.open("a") as file:
                file.write(json.dumps(line) + "\n")

        def send_and_note(message: dict[str, str]) -> None:
            if "report" in message:
                note(told=json.loads(message["report"])["kimg"])
            send(message)

        run_training = worker.run_training

        def run_and_note(config, rungs, folder, on_report, resume_from, *others):
            begun = (
                json.loads((resume_from / REPORT_FILE).read_text())["kimg"] if resume_from else 0
            )
            note(begun=begun)
            return run_training(config, rungs, folder, on_report, resume_from, *others)

        worker.run_training = run_and_note
        train_trial(job, send_and_note)

    tune.train_trial = with_diary
    if command == "run":
        run_study(parse_space(SPACE, "killed.yaml"), name="killed", results=results)
    else:
        resume_study("killed", results=results)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
