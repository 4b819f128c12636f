"""What can be set on a variant, read from the catalog's settings: the one place that defines it."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from gansearch.config import Params, flatten
from gansearch.variants.catalog import CATALOG


def _names(settings: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _names(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def takes(variant: str) -> frozenset[str]:
    """The flat dotted names of every parameter that ``variant`` takes."""
    return frozenset(_names(CATALOG[variant].settings))


def defaults_of(variant: str) -> Params:
    """The paper's value of every parameter of ``variant``."""
    return flatten(CATALOG[variant].settings().model_dump())
