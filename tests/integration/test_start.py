"""Commands start light: the CPU time of each, over that of importing the libraries they use."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

IMPORTS = "import typer, rich.console, rich.table, pydantic, ruamel.yaml"
PLAIN = "from gansearch.__main__ import main; main()"
DOUBLED = """
import sys, types
from dataclasses import replace
from importlib import import_module
from gansearch.variants.catalog import CATALOG
for entry in list(CATALOG.values()):
    family, settings = entry.settings_home.split(".", 1)
    package = types.ModuleType(f"gansearch.variants.{family}_twin")
    package.__path__ = import_module(f"gansearch.variants.{family}").__path__
    sys.modules.setdefault(package.__name__, package)
    twin = replace(entry, name=f"{entry.name}_twin", settings_home=f"{family}_twin.{settings}")
    CATALOG[twin.name] = twin
"""
"""A catalog of twice as many variants, each with settings of its own."""

COMMANDS = {
    "--help": (PLAIN, "--help"),
    "variants": (PLAIN, "variants"),
    "quickstart": (PLAIN, "check", "search_spaces/quickstart.yaml"),
    "stylegan3": (PLAIN, "check", "search_spaces/stylegan3.yaml"),
    "variants, doubled": (DOUBLED + PLAIN, "variants"),
    "quickstart, doubled": (DOUBLED + PLAIN, "check", "search_spaces/quickstart.yaml"),
}
ROUNDS = 7
LIMIT = 2.0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which compiled modules are kept, as after an installation."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(tmp_path), "COLUMNS": "120"}


def run(command: tuple[str, ...], environment: dict[str, str]) -> tuple[float, str]:
    """CPU seconds of a process, user and system, and its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", *command],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


@pytest.mark.alone
def test_commands_take_at_most_twice_the_cpu_of_their_imports(environment) -> None:
    """Sums over interleaved runs, because a kernel may count CPU time in steps of 10 ms or more."""
    commands = {"imports": (IMPORTS,), **COMMANDS}
    outputs = {name: run(command, environment)[1] for name, command in commands.items()}
    assert "stylegan3_twin" in outputs["variants, doubled"]
    seconds = dict.fromkeys(commands, 0.0)
    for _ in range(ROUNDS):
        for name, command in commands.items():
            seconds[name] += run(command, environment)[0]
    ratios = {name: seconds[name] / seconds["imports"] for name in COMMANDS}
    assert max(ratios.values()) <= LIMIT, ratios


def test_a_command_by_itself_is_the_one_of_the_application(environment) -> None:
    for arguments in (("check", "--help"), ("variants", "-h"), ("pareto", "--help")):
        code = "from gansearch.cli.app import app; app(prog_name='gansearch')"
        whole = run((code, *arguments), environment)[1]
        assert run((PLAIN, *arguments), environment)[1] == whole
