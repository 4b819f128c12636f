"""The inputs of a run are checked without torch, and each message has a remedy."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest
from PIL import Image

from gansearch.errors import SpaceError
from gansearch.metrics.weights import ALEXNET, INCEPTION, LPIPS_HEADS
from gansearch.space import parse_space
from gansearch.study import availability
from gansearch.study.availability import check_available

SPACES = sorted(Path("search_spaces").glob("*.yaml"))
HEAD = "variant: dcgan\nparameters: {g_lr: [1e-4, 2e-4]}\n"  # what a case adds starts on line 3


def offline(*_: object) -> None:
    raise OSError("no route to host")


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Without a network, GPUs, a cluster and weights; the folder of torch's cache."""
    monkeypatch.setattr(socket, "create_connection", offline)
    monkeypatch.setattr(availability, "_gpus", lambda: 0)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch"


def invalid(text: str, head: str = HEAD) -> list[tuple[int | None, str, str]]:
    try:
        check_available(parse_space(head + text, "x.yaml"))
    except SpaceError as error:
        return [(p.line, p.key, p.message) for p in error.entries]
    return []


def only(text: str, head: str = HEAD) -> tuple[int | None, str, str]:
    (entry,) = invalid(text, head)
    return entry


def folder(root: Path, *names: str, size: tuple[int, int] = (40, 30)) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size).save(path)
    return root


def of_folder(root: Path, more: str = "") -> str:
    return f"data: {{name: folder, path: {root}{more}}}\nobjectives: {{fd_random: minimize}}\n"


@pytest.mark.parametrize(
    "space", sorted(Path("search_spaces").glob("*.yaml")), ids=lambda p: p.stem
)
def test_a_shipped_space_needs_nothing_more(space: Path) -> None:
    assert invalid(space.read_text(), head="") == []


def test_weights_are_looked_for_and_the_alternative_is_named(machine: Path) -> None:
    line, key, message = only("objectives: {fid: minimize}\n")
    assert (line, key) == (3, "objectives.fid")
    assert str(machine / "hub" / "checkpoints" / INCEPTION.file) in message
    assert "fd_random need no such file" in message.replace("fd_digits or ", "")
    assert "evaluation.inception_weights" in message


def test_weights_in_the_cache_or_named_by_the_space_suffice(machine: Path, tmp_path: Path) -> None:
    place = INCEPTION.place()
    place.parent.mkdir(parents=True)
    place.touch()
    assert invalid("objectives: {fid: minimize}\n") == []
    place.rename(tmp_path / "named.pth")
    named = f"evaluation: {{inception_weights: {tmp_path / 'named.pth'}}}\n"
    assert invalid(f"objectives: {{fid: minimize}}\n{named}") == []
    (tmp_path / "named.pth").unlink()
    assert only(f"objectives: {{fid: minimize}}\n{named}")[:2] == (
        4,
        "evaluation.inception_weights",
    )


def test_weights_that_can_be_downloaded_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as answering:
        monkeypatch.setattr(socket, "create_connection", lambda *_: answering)
        assert invalid("objectives: {fid: minimize}\n") == []


def test_a_name_lookup_without_end_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = Event()
    monkeypatch.setattr(availability, "REACHED_SECONDS", 0.05)
    monkeypatch.setattr(socket, "create_connection", lambda *_: asked.wait(5) and offline())
    assert only("objectives: {fid: minimize}\n")[1] == "objectives.fid"
    asked.set()


def test_weights_of_other_metrics_are_looked_for_too() -> None:
    text = "data: {name: digits, resolution: 32}\nevaluation: {metrics: [lpips_diversity]}\n"
    line, key, message = only(text)
    assert (line, key) == (4, "evaluation.metrics.0")
    assert ALEXNET.file in message


def test_files_of_projectors_are_looked_for(tmp_path: Path) -> None:
    head = "variant: projected_gan\nparameters: {g_lr: [1e-4, 2e-4]}\n"
    data = "data: {name: digits, resolution: 32}\n"
    text = f"{data}training: {{projector_weights: {tmp_path / 'lite0.pth'}}}\n"
    line, key, message = only(text, head)
    assert (line, key) == (4, "training.projector_weights")
    assert str(tmp_path / "lite0.pth") in message
    (tmp_path / "lite0.pth").touch()
    assert invalid(text, head) == []


def test_places_and_addresses_are_those_of_the_tools() -> None:
    from pytorch_fid.inception import FID_WEIGHTS_URL
    from torch.hub import get_dir

    assert INCEPTION.url == FID_WEIGHTS_URL
    for weights in (INCEPTION, ALEXNET, LPIPS_HEADS):
        assert weights.place() == Path(get_dir()) / "checkpoints" / weights.file


@pytest.mark.parametrize(
    ("size", "side"), [((40, 30), 16), ((512, 640), 512), ((5000, 4000), 1024)]
)
def test_a_folder_needs_a_resolution(tmp_path: Path, size: tuple[int, int], side: int) -> None:
    head = f"{HEAD}training: {{batch_size: 2}}\n"
    root = folder(tmp_path / "x", *(f"{n}.png" for n in range(3)), size=size)
    (root / "broken.png").write_bytes(b"no image")
    line, key, message = only(of_folder(root), head)
    assert (line, key) == (4, "data.resolution")
    assert f"{size[0]}x{size[1]}" in message
    assert message.endswith(f"write {side}")
    assert invalid(of_folder(root, ", resolution: 32"), head) == []


@pytest.mark.parametrize(("name", "side"), [("photos", 32), ("cifar10", 32), ("mnist", 32)])
def test_no_data_is_shrunk_silently(tmp_path: Path, name: str, side: int) -> None:
    path = "" if name == "photos" else f", path: {tmp_path}, download: true"
    text = f"data: {{name: {name}{path}%s}}\nobjectives: {{fd_random: minimize}}\n"
    assert only(text % "")[1:] == (
        "data.resolution",
        f"is required for {name}: its images have {side} pixels; write {side}",
    )
    assert invalid(text % ", resolution: 8") == []


def test_missing_images_are_named(tmp_path: Path) -> None:
    for text, fragment in (
        (of_folder(tmp_path / "none", ", resolution: 8"), "is missing"),
        (of_folder(tmp_path, ", resolution: 8"), "holds no images"),
        (of_folder(tmp_path).replace("folder", "cifar10"), "has no cifar-10-batches-py/"),
        (of_folder(tmp_path).replace("folder", "mnist"), "has no MNIST/raw/train-images"),
    ):
        text = text.replace("}\nobj", ", resolution: 32}\nobj") if "8}" not in text else text
        line, key, message = only(text)
        assert (line, key) == (3, "data.path")
        assert fragment in message


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("training: {batch_size: 4096}\n", 3, "training.batch_size"),
        ("training:\n  dcgan: {batch_size: 4096}\n", 4, "training.dcgan.batch_size"),
        (
            "data: {name: digits, holdout: 0.5}\ntraining: {batch_size: 1024}\n",
            4,
            "training.batch_size",
        ),
    ],
)
def test_a_batch_is_not_larger_than_the_data(text: str, line: int, key: str) -> None:
    found = only(text)
    assert found[:2] == (line, key)
    assert "training images" in found[2]


@pytest.mark.parametrize(
    ("batch", "key"),
    [
        ("[64, 4096]", "parameters.batch_size.1"),
        ("{type: int, low: 2, high: 2000}", "parameters.batch_size"),
    ],
)
def test_no_searched_batch_is_larger_than_the_data(batch: str, key: str) -> None:
    text = f"parameters:\n  g_lr: 1e-4\n  batch_size: {batch}\n"
    assert only(text, head="variant: dcgan\n")[:2] == (4, key)


def test_the_default_batch_is_not_larger_than_the_data(tmp_path: Path) -> None:
    root = folder(tmp_path, *(f"{n}.png" for n in range(30)))
    assert "128 is more than the 30 training images" in only(of_folder(root, ", resolution: 8"))[2]


def test_metrics_have_as_many_images_as_they_need(tmp_path: Path) -> None:
    root = folder(tmp_path, *(f"{c}/{n}.png" for c in "ab" for n in range(2)), "c/only.png")
    text = f"""\
data: {{name: folder, path: {root}, resolution: 8}}
training: {{batch_size: 2}}
objectives: {{fd_within_random: minimize}}
evaluation: {{samples: 5, metrics: [precision_random]}}
"""
    found = invalid(text, head="variant: cgan\nparameters: {g_lr: [1e-4, 2e-4]}\n")
    assert [(line, key) for line, key, _ in found] == [
        (5, "objectives.fd_within_random"),  # of one class there is one image,
        (5, "objectives.fd_within_random"),  # and of five samples each class has one or two
        (6, "evaluation.metrics.0"),
        (6, "evaluation.metrics.0"),
    ]


def test_classes_are_folders(tmp_path: Path) -> None:
    head = "variant: cgan\nparameters: {g_lr: [1e-4, 2e-4]}\ntraining: {batch_size: 2}\n"
    root = folder(tmp_path, "a/0.png", "a/1.png", "a/2.png")
    line, key, message = only(of_folder(root, ", resolution: 8"), head)
    assert (line, key) == (1, "variant")
    assert "first-level sub-folders" in message
    folder(root, "b/0.png", "stray.png")
    line, key, message = only(of_folder(root, ", resolution: 8"), head)
    assert key == "data.path"
    assert "stray.png" in message
    (root / "stray.png").unlink()
    assert invalid(of_folder(root, ", resolution: 8"), head) == []


def test_this_machine_has_the_resources_of_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    assert only("resources: {cpus: 10000}\n")[:2] == (3, "resources.cpus")
    for gpus in ("1", "0.25", "auto"):
        line, key, message = only(f"resources: {{gpus: {gpus}}}\n")
        assert (line, key) == (3, "resources.gpus")
        assert f"{gpus} for a trial, and this machine has no GPU" in message
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)
    assert "may use 1 of" in only("resources: {cpus: 2}\n")[2]
    monkeypatch.setattr(availability, "_gpus", lambda: 2)
    assert invalid("resources: {gpus: 2}\n") == []
    monkeypatch.setattr(availability, "_gpus", lambda: None)  # nobody knows
    assert invalid("resources: {gpus: 2}\n") == []


def test_resources_of_a_cluster_are_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert invalid("resources: {cpus: 10000, gpus: 8}\n") == []
    monkeypatch.delenv("RAY_ADDRESS")
    space = parse_space(f"{HEAD}resources: {{gpus: 8}}\n", "x.yaml")
    check_available(space, machine=False)


def test_check_prints_the_table_and_names_what_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(f"{HEAD}{of_folder(tmp_path / 'none', ', resolution: 8')}")
    command = [
        sys.executable,
        "-c",
        "from gansearch.cli.app import main; main()",
        "check",
        str(file),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 2
    assert "fd_random" in done.stdout
    assert done.stderr.startswith(f"error: {file}:3: data.path: ")
    assert "Traceback" not in done.stderr
