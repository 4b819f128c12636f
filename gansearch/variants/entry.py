"""Catalog entries of variants, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
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
class VariantEntry:
    """A catalog entry: the facts about a variant that need no torch.

    Attributes:
        name: name in a space's ``variant``.
        summary: one line for ``gansearch variants``.
        source: the paper that defines it.
        family: its folder in ``gansearch/variants/``.
        data: the data that it needs.
        settings_home: ``module:Class`` of the model of its parameters, relative to
            ``gansearch.variants``.
        home: ``module:Class`` of the variant, relative to ``gansearch.variants``.
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
    settings_home: str
    home: str
    small: Params
    resolution: int = 8
    metrics: tuple[str, ...] = ()
    by_class: bool = False

    @cached_property
    def settings(self) -> type[Settings]:
        """Model of the parameters, imported on first use; the defaults are the paper's."""
        settings: type[Settings] = _imported(self.settings_home)
        return settings

    def load(self) -> type[Variant[Any]]:
        """Import the variant's class, and torch with it."""
        variant: type[Variant[Any]] = _imported(self.home)
        return variant

    def small_settings(self, **params: Scalar) -> Settings:
        """Return the settings of the small form; flat ``params`` override :attr:`small`."""
        return self.settings.model_validate(nest({**self.small, **params}))


def _imported(home: str) -> Any:
    module, name = home.split(":")
    return getattr(import_module(f"gansearch.variants.{module}"), name)
