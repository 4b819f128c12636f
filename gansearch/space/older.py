"""Spaces of studies on record that an earlier version of gansearch wrote."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

log = logging.getLogger(__name__)

RENAMED = {"pareto": "ehvi"}
"""New names of samplers and stopping rules by their old ones."""


def renewed(full: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a recorded YAML with today's names; one warning per change.

    ``search.population`` was an addition to any sampler before it became the sampler ``pbt``.

    Args:
        full: the content of the YAML.
    """
    search = full.get("search")
    if not isinstance(search, dict):
        return dict(full)
    search = dict(search)
    for key in ("sampler", "stopping"):
        if search.get(key) in RENAMED:
            search[key] = RENAMED[old := search[key]]
            log.warning("search.%s: %s is now called %s", key, old, search[key])
    if search.get("population") is not None and search.get("sampler") != "pbt":
        log.warning("search.population is now part of search.sampler: pbt")
        search = {"stopping": "ehvi", **search, "sampler": "pbt"}
    return {**full, "search": search}
