"""``python -m gansearch``, and the ``gansearch`` command."""

from gansearch.interrupts import exit_on_signals


def main() -> None:
    """Answer to signals first, then load the commands and run the one that was typed."""
    exit_on_signals()
    from gansearch.cli import main as run_command

    run_command()


if __name__ == "__main__":
    main()
