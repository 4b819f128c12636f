"""The ``gansearch`` program: its commands by group, and its exit codes.

Each command imports its layer inside itself, so that ``--help`` answers at once.
"""

from __future__ import annotations

import atexit
import gc
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

import gansearch
from gansearch.cli import front, runs, spaces, studies, tracking
from gansearch.cli.terminal import fail, prepare_streams
from gansearch.errors import GansearchError, UsageError
from gansearch.study.signals import EXIT_AT_ONCE, INTERRUPTED, end_process

GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "Search spaces": (spaces.check, spaces.variants),
    "Studies": (studies.run, studies.resume, studies.rescore, studies.studies),
    "Results": (front.pareto, front.compare),
    "Single configurations": (runs.train, runs.sample, runs.evaluate, runs.profile),
    "MLflow": (tracking.sync, tracking.ui),
}
"""The commands, each named as its function, by heading in the help."""
_CONTEXT = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="gansearch",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=_CONTEXT,
)
for heading, commands in GROUPS.items():
    for function in commands:
        app.command(rich_help_panel=heading)(function)


def print_version(asked: bool) -> None:
    """Print the version if it is asked for, and exit."""
    if asked:
        typer.echo(f"gansearch {gansearch.__version__}")
        raise typer.Exit


@app.callback()
def every_command(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Distributed hyperparameter search for GANs: a YAML space in, a Pareto front out."""


def run_command(arguments: Sequence[str]) -> None:
    """Run the application, or only the command named first.

    An application builds all its commands and options before it runs one, which takes longer than
    a short command itself.
    """
    name = next(iter(arguments), "")
    command = {each.__name__: each for group in GROUPS.values() for each in group}.get(name)
    if command in GROUPS["Search spaces"]:
        atexit.register(gc.freeze)  # they make no garbage worth collecting, not even at the end
    else:
        gc.enable()  # __main__ disables it
    if command is None:
        app()
        return
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(context_settings=_CONTEXT)(command)
    alone(arguments[1:], prog_name=f"gansearch {name}")


def main() -> None:
    """Run the command.

    Wrong input, and what this machine lacks, end with one readable error and exit code 2. A
    diverged run or an empty front ends with one and exit code 1. Ctrl-C gives 130, SIGTERM 143.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    prepare_streams()
    try:
        run_command(sys.argv[1:])
        sys.stdout.flush()
    except GansearchError as error:
        fail(str(error), 2 if isinstance(error, UsageError) else 1)
    except OSError as error:  # a file that cannot be read or written, a full disk
        fail(f"{error.filename or 'output'}: {error.strerror or error}", 2)
    except SystemExit as ended:
        if ended.code in INTERRUPTED:
            end_process(int(ended.code), f"interrupted; {EXIT_AT_ONCE.advice}")
        raise
