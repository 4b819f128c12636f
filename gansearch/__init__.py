"""Distributed hyperparameter search for GANs: several objectives and early stopping together."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from gansearch.space import load_space
    from gansearch.study.run import (
        load_study,
        pareto_front,
        rescore_study,
        resume_study,
        run_study,
    )

# Modules are imported on first use, so that `import gansearch` is cheap.
_HOMES = {
    "load_space": "gansearch.space",
    "load_study": "gansearch.study.run",
    "pareto_front": "gansearch.study.run",
    "rescore_study": "gansearch.study.run",
    "resume_study": "gansearch.study.run",
    "run_study": "gansearch.study.run",
}

__all__ = [
    "load_space",
    "load_study",
    "pareto_front",
    "rescore_study",
    "resume_study",
    "run_study",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("gansearch")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, "__version__"})
