"""The package as a program uses it: its functions, commands, version and types."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import gansearch
from gansearch.cli.app import GROUPS

ROOT = Path(__file__).parents[1]

FUNCTIONS = {
    "check": "check",
    "compare": "compare",
    "evaluate": "evaluate",
    "pareto": "pareto_front",
    "profile": "profile",
    "rescore": "rescore",
    "resume": "resume_study",
    "run": "run_study",
    "sample": "sample",
    "studies": "list_studies",
    "sync": "sync",
    "train": "retrain",
    "ui": "serve_ui",
    "variants": "list_variants",
}
"""The function of every command."""

OTHERS = {"load_space", "load_study", "save_statistics"}
"""Functions that are not the main function of a command."""

BRIEF = {"list_studies", "load_space"}
"""Functions whose only argument the summary explains."""

COMMANDS = {command.__name__: command for group in GROUPS.values() for command in group}


def test_the_public_names_are_the_functions_of_the_commands_and_three_more() -> None:
    assert set(gansearch.__all__) == {*FUNCTIONS.values(), *OTHERS}
    assert gansearch.__all__ == sorted(gansearch.__all__)
    assert set(gansearch.__all__) <= set(dir(gansearch))
    with pytest.raises(AttributeError, match="'gansearch' has no attribute 'runstudy'"):
        _ = gansearch.runstudy  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_calls_its_function(command: str) -> None:
    tree = ast.parse(inspect.getsource(COMMANDS[command]))
    imported = {
        alias.name: alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "gansearch"
        for alias in node.names
    }
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert FUNCTIONS[command] in imported
    assert imported[FUNCTIONS[command]] in called


@pytest.mark.parametrize("name", gansearch.__all__)
def test_every_function_has_types_and_a_docstring(name: str) -> None:
    function = getattr(gansearch, name)
    assert inspect.isfunction(function)
    assert function.__name__ == name
    parameters = inspect.signature(function).parameters
    assert function.__annotations__.keys() == {*parameters, "return"}
    documentation = inspect.getdoc(function) or ""
    for parameter in parameters:
        assert f"    {parameter}: " in documentation or name in BRIEF


def test_importing_the_package_imports_no_other_module() -> None:
    code = (
        "import sys; before = set(sys.modules); import gansearch;"
        "print([n for n in set(sys.modules) - before if n.partition('.')[0] not in"
        " (*sys.stdlib_module_names, 'gansearch') or n.startswith('gansearch.')])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "[]\n"


def test_no_function_is_hidden_by_a_module_of_the_same_name() -> None:
    modules = {path.stem for path in (ROOT / "gansearch").iterdir()}
    assert not modules & set(gansearch.__all__)


def test_the_version_is_that_of_the_distribution() -> None:
    assert f'version = "{gansearch.__version__}"' in (ROOT / "pyproject.toml").read_text()


def test_types_are_shipped() -> None:
    assert (ROOT / "gansearch" / "py.typed").exists()


@pytest.mark.slow
def test_a_wheel_has_the_types_and_the_command(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "-q",
        "-w",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert "gansearch/py.typed" in names
        (entries,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "gansearch = gansearch.__main__:main" in archive.read(entries).decode()
