"""Commands about search spaces: ``check``, ``variants``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gansearch.cli.terminal import output_console

SpaceFile = Annotated[Path, typer.Argument(metavar="SPACE", help="YAML file of the search space.")]


def check(file: SpaceFile) -> None:
    """Check a space and this machine, and print the space as a table."""
    from gansearch import check as check_space
    from gansearch import load_space
    from gansearch.space.table import render

    space = load_space(file)
    output_console().print(render(space))
    check_space(space)


def variants(
    name: Annotated[
        str | None, typer.Argument(metavar="VARIANT", help="Variant to list the parameters of.")
    ] = None,
) -> None:
    """List the GAN variants, or the parameters of one of them."""
    from gansearch import list_variants
    from gansearch.variants.table import known, parameters_table, variants_table

    table = variants_table(list_variants()) if name is None else parameters_table(known(name))
    output_console().print(table)
