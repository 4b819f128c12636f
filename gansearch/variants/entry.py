"""A variant as far as it can be known without torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gansearch.settings import Params, Scalar, Settings, nest

if TYPE_CHECKING:
    from gansearch.variants.base import Variant


class DataKind(StrEnum):
    """What a batch must hold beside the images for a variant to train on it."""

    NOISE = "noise"
    """Images alone."""
    LABEL = "label"
    """Images and their class labels."""


@dataclass(frozen=True)
class Entry:
    """One variant, as far as it can be known without torch.

    Attributes:
        name: as in a space's ``variant``.
        summary: one line for ``gansearch variants``.
        source: the paper that defines it.
        family: the folder of ``gansearch/variants/`` that it lives in.
        data: the kind of data that it takes.
        settings: the model of its parameters; the defaults are the paper's.
        home: ``module:Class``, relative to ``gansearch.variants``.
        small: parameters that shrink it to what trains in a moment at ``resolution``, for tests and
            try-outs.
        resolution: the smallest that it is built at, in pixels.
        metrics: those of the metrics' catalog that it measures itself.
        by_class: whether its samples are asked for by class.
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
        """The variant's class; imports torch."""
        module, name = self.home.split(":")
        loaded: type[Variant[Any]] = getattr(import_module(f"gansearch.variants.{module}"), name)
        return loaded

    def small_settings(self, **params: Scalar) -> Settings:
        """The settings of the small form; flat ``params`` go before those of :attr:`small`."""
        return self.settings.model_validate(nest({**self.small, **params}))
