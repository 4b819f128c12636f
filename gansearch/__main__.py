"""The ``gansearch`` command, also ``python -m gansearch``."""

import gc
import os

from gansearch.study.signals import exit_on_signals


def main() -> None:
    """Install the signal handlers, then import the commands and run one."""
    exit_on_signals()
    # Pydantic would look for plugins of its own in every installed distribution.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()  # nothing that an import makes is garbage; the longer commands enable it
    from gansearch.cli.app import main as run_command

    run_command()


if __name__ == "__main__":
    main()
