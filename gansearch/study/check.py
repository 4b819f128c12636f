"""Check of a space against this machine, as the ``check`` command does it."""

from __future__ import annotations

from pathlib import Path

from gansearch.paths import StrPath
from gansearch.space import Space, load_space
from gansearch.study.availability import check_available


def check(space: Space | StrPath) -> Space:
    """Check a space, and that this machine has what its run needs.

    It looks for the images and their number, weight files of metrics and projectors, CPU cores and
    GPUs. Nothing is trained, and neither torch nor Ray is imported.

    Args:
        space: a space, or the path of its YAML file.

    Returns:
        The space.

    Raises:
        SpaceError: the file is not a valid space, or something is missing; lists every problem with
            its line and key.
    """
    checked = space if isinstance(space, Space) else load_space(Path(space))
    check_available(checked)
    return checked
