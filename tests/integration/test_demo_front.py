"""README's picture is of the demo as it is."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_picture_is_of_the_space_that_the_demo_searches() -> None:
    table = (ROOT / "benchmarks/results/demo_front.md").read_text()
    made = re.search(r"space ([0-9a-f]{16})", table)
    assert made is not None
    now = sha256((ROOT / "search_spaces/quickstart.yaml").read_bytes()).hexdigest()[:16]
    assert made[1] == now, "the demo's space changed: run `make picture`"
    assert "benchmarks/results/demo_front.png" in (ROOT / "README.md").read_text()
