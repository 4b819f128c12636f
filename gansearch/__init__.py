"""Distributed hyperparameter search for GANs: several objectives and early stopping together.

Every command of ``gansearch`` calls one function of this module. A command that is a verb with an
obvious object has a function of the same name: :func:`check`, :func:`compare`, :func:`evaluate`,
:func:`profile`, :func:`rescore`, :func:`sample`, :func:`sync`. The names of the others add what the
command's name leaves out:

============  ======================
``run``       :func:`run_study`
``resume``    :func:`resume_study`
``studies``   :func:`list_studies`
``variants``  :func:`list_variants`
``pareto``    :func:`pareto_front`
``train``     :func:`retrain`
``ui``        :func:`serve_ui`
============  ======================

:func:`load_space` and :func:`load_study` read what commands take by name, and
:func:`save_statistics` is ``evaluate --save-stats``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from gansearch.runs.evaluate import evaluate, save_statistics
    from gansearch.runs.profile import profile
    from gansearch.runs.retrain import retrain
    from gansearch.runs.sample import sample
    from gansearch.space import load_space
    from gansearch.study.check import check
    from gansearch.study.reading import compare, list_studies, load_study, pareto_front, sync
    from gansearch.study.run import rescore, resume_study, run_study
    from gansearch.tracking import serve_ui
    from gansearch.variants.table import list_variants

# Modules are imported on first use, so that `import gansearch` is cheap.
_MODULES = {
    "check": "gansearch.study.check",
    "compare": "gansearch.study.reading",
    "evaluate": "gansearch.runs.evaluate",
    "list_studies": "gansearch.study.reading",
    "list_variants": "gansearch.variants.table",
    "load_space": "gansearch.space",
    "load_study": "gansearch.study.reading",
    "pareto_front": "gansearch.study.reading",
    "profile": "gansearch.runs.profile",
    "rescore": "gansearch.study.run",
    "resume_study": "gansearch.study.run",
    "retrain": "gansearch.runs.retrain",
    "run_study": "gansearch.study.run",
    "sample": "gansearch.runs.sample",
    "save_statistics": "gansearch.runs.evaluate",
    "serve_ui": "gansearch.tracking",
    "sync": "gansearch.study.reading",
}

__all__ = [
    "check",
    "compare",
    "evaluate",
    "list_studies",
    "list_variants",
    "load_space",
    "load_study",
    "pareto_front",
    "profile",
    "rescore",
    "resume_study",
    "retrain",
    "run_study",
    "sample",
    "save_statistics",
    "serve_ui",
    "sync",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("gansearch")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, "__version__"})
