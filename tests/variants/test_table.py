"""The list of variants, and tables of variants and of their parameters."""

import io
import subprocess
import sys

import pytest
from rich.console import Console

from gansearch.errors import ConfigError
from gansearch.space.specs import defaults_of
from gansearch.variants.catalog import CATALOG
from gansearch.variants.table import known, list_variants, parameters_table, variants_table


def printed(name: str | None = None) -> str:
    file = io.StringIO()
    table = variants_table(list_variants()) if name is None else parameters_table(known(name))
    Console(file=file, width=240).print(table)
    return file.getvalue()


def test_all_variants_are_listed_with_their_parameters() -> None:
    text = printed()
    for entry in CATALOG.values():
        assert all(part in text for part in (entry.name, entry.summary, entry.data, entry.source))


@pytest.mark.parametrize("name", CATALOG)
def test_every_parameter_of_a_variant_is_listed_with_its_default(name: str) -> None:
    lines = printed(name).splitlines()
    for parameter, default in defaults_of(name).items():
        line = next(line for line in lines if line.startswith(f"{parameter} "))
        assert str(default) in line


def test_ranges_and_meanings_are_shown() -> None:
    text = printed("dcgan")
    assert "one of none, generator, discriminator, both" in text
    assert "above 0 and at most 1" in text
    assert "Discriminator updates in one round" in text
    assert "``" not in text


def test_unknown_variant_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ConfigError, match=r"'dcgn' is not one of .*did you mean dcgan\?"):
        known("dcgn")


def test_rendering_loads_no_torch() -> None:
    script = (
        "import sys; from gansearch.variants import table;"
        "table.variants_table(table.list_variants()); table.parameters_table(table.known('gan'));"
        "print('torch' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
