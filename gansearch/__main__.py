"""The ``gansearch`` command, also ``python -m gansearch``."""

from gansearch.study.signals import exit_on_signals


def main() -> None:
    """Install the signal handlers, then import the commands and run one."""
    exit_on_signals()
    from gansearch.cli.app import main as run_command

    run_command()


if __name__ == "__main__":
    main()
