"""Parsing of YAML: values with line numbers, and one readable error for each invalid text."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gansearch.errors import SpaceError
from gansearch.space import load_space, parse_space
from tests.space.cases import HEAD, Case, added, case, expect

LARGE = "9" * 400
"""An integer of more digits than 64 bits."""

# fmt: off
INVALID = [
    case("empty file", "", None, "", "is empty"),
    case("comments only", "# nothing\n", None, "", "is empty"),
    case("a list", "- dcgan\n", 1, "", "should be a mapping", "a list"),
    case("a word", "\ndcgan\n", 2, "", "should be a mapping"),
    added("open bracket", "data: {name: digits\n", 5, "", "not valid YAML", "still open"),
    added("open quote", "name: 'x\n", 5, "", "not valid YAML", "still open"),
    added("tab", "data:\n\tname: digits\n", 5, "", "not valid YAML", "spaces, not with tabs"),
    added("two colons", "name: a: b\n", 4, "", "not valid YAML", "quote"),
    added("undefined alias", "data: *other\n", 4, "", "undefined alias", "other"),
    added("second document", "---\nname: b\n", 4, "", "single document"),
    added("control character", "name: a\x07b\n", 4, "", "not allowed"),
    added("unknown tag", "name: !env NAME\n", 4, "name", "tag !env is not known"),
    added("Python tag", "data: !!python/object:os.system {name: digits}\n", 4, "data", "not known here"),
    added("bad number by tag", "resources: {cpus: !!int two}\n", 4, "resources.cpus", "'two'"),
    added("a list for a key", "? [a, b]\n: 1\n", 4, "", "key should be a plain name"),
    added("merging a scalar", "data: {<<: 3, name: digits}\n", 4, "data.<<", "alias of a mapping"),
    added("alias in itself", "data: &a {name: *a}\n", 4, "", "contains itself"),
    added("duplicate section", "variant: gan\n", 4, "variant", "given twice", "line 1"),
    added("duplicate key", "  g_lr: 1e-4\n", 4, "parameters.g_lr", "given twice", "line 3"),
    added(
        "objective listed twice",
        "objectives:\n  fd_digits: minimize\n  fd_digits: minimize\n",
        6,
        "objectives.fd_digits",
        "given twice",
        "line 5",
    ),
    added("less indented", "    beta1: 0.5\n  z_dim: 8\n", 4, "", "align keys of one level"),
    case("nothing at the left margin", " variant: dcgan\nparameters: {g_lr: 1e-4}\n", 2, "", "at the left margin"),
    case("no colon", "variant dcgan\nparameters:\n  g_lr: 1e-4\n", 2, "", "a colon and a space after each key"),
    added("study's seed beyond 64 bits", "search: {seed: 9223372036854775808}\n", 4, "search.seed", "go up to 9223372036854775807"),
    added("seed of latents beyond 64 bits", f"evaluation: {{seed: {LARGE}}}\n", 4, "evaluation.seed", "integers go up to"),
    added("fixed seed beyond 64 bits", f"training: {{seed: {LARGE}}}\n", 4, "training.seed", "integers go up to"),
    added("integer that Python does not read", f"training: {{seed: {LARGE * 20}}}\n", 4, "training.seed", "is not of type int"),
    added("half of a character", 'name: "\\ud800"\n', 4, "name", "half of a character pair"),
]
# fmt: on


@pytest.mark.parametrize("wrong", INVALID, ids=lambda wrong: wrong.kind)
def test_one_error_with_its_line_and_key(wrong: Case) -> None:
    expect(wrong)


def test_aliases_that_multiply_are_stopped() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30)]
    text = HEAD + "\n".join(["l0: &l0 [a]", *levels])
    with pytest.raises(SpaceError, match="expands to more than"):
        parse_space(text, "bomb.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"k{n}: 1\n" for n in range(600_000)),
        f"parameters: [{'x,' * 20_000}]",
        f"parameters: {{{'a: 1, ' * 10_000}}}",
    ],
    ids=["keys", "list", "one line"],
)
def test_files_beyond_any_space_are_refused_at_once(tmp_path: Path, text: str) -> None:
    path = tmp_path / "large.yaml"
    path.write_text(text)
    started = time.process_time()
    with pytest.raises(SpaceError, match=r"is larger than the 64 KiB|more than 10,000 keys"):
        load_space(path)
    assert time.process_time() - started < 5


def test_nesting_without_end_is_stopped() -> None:
    with pytest.raises(SpaceError, match="nested too deeply"):
        parse_space(HEAD + "data: " + "[" * 600, "deep.yaml")
