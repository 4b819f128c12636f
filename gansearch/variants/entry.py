"""Catalog entries of variants, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gansearch.settings import Params, Scalar, Settings, nest

if TYPE_CHECKING:
    from gansearch.variants.base import Variant


class DataKind(StrEnum):
    """The data that a variant needs."""

    NOISE = "noise"
    """Images alone."""
    LABEL = "label"
    """Images and their class labels."""


@dataclass(frozen=True)
class Entry:
    """A catalog entry: the facts about a variant that need no torch.

    Attributes:
        name: name in a space's ``variant``.
        summary: one line for ``gansearch variants``.
        source: the paper that defines it.
        family: its folder in ``gansearch/variants/``.
        data: the data that it needs.
        settings: model of its parameters; the defaults are the paper's.
        home: ``module:Class``, relative to ``gansearch.variants``.
        small: parameters of a form that trains in a moment at ``resolution``, for tests.
        resolution: smallest resolution in pixels.
        metrics: catalog metrics that the variant computes itself.
        by_class: whether its samples are conditioned on a class.
    """

    name: str
    summary: str
    source: str
    family: str
    data: DataKind
    settings: type[Settings]
    home: str
    small: Params
    resolution: int = 8
    metrics: tuple[str, ...] = ()
    by_class: bool = False

    def load(self) -> type[Variant[Any]]:
        """Import the variant's class, and torch with it."""
        module, name = self.home.split(":")
        loaded: type[Variant[Any]] = getattr(import_module(f"gansearch.variants.{module}"), name)
        return loaded

    def small_settings(self, **params: Scalar) -> Settings:
        """Settings of the small form; flat ``params`` override :attr:`small`."""
        return self.settings.model_validate(nest({**self.small, **params}))
