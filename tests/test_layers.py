"""Imports point down, heavy libraries stay in their layer, and every module has its tests."""

import ast
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gansearch"

# From the top down, as patterns; a module's place is that of the longest pattern that it matches.
LAYERS = [
    ["__main__"],
    ["cli*"],
    ["runs*"],
    ["study*"],
    ["tracking*"],
    ["report*"],
    ["search*"],
    ["report.front*"],
    ["train*"],
    ["metrics*"],
    ["variants*"],
    ["hardware*"],
    ["nn*", "losses*", "data*"],
    ["variants.table"],
    ["study.availability"],
    ["metrics.weights"],
    ["space*"],
    ["report.front.noise"],
    ["config"],
    ["record"],
    ["variants.catalog", "metrics.catalog", "data.catalog"],
    ["variants.*.entries", "variants.*.settings"],
    ["variants.entry", "variants.settings", "report.front.uncertainty"],
    ["text*"],
    ["hardware.scratch"],
    ["settings", "pareto", "paths", "urls", "hardware.locks", "hardware.cores", "study.signals"],
    ["data.files"],
    ["errors"],
]
HEAVY = {
    "ray": {"search.engine"},
    "mlflow": {"tracking"},
    "optuna": {"search"},
    "torch": {
        "train",
        "metrics",
        "variants",
        "nn",
        "losses",
        "data",
        "search",
        "hardware",
        "runs",
        "study",
    },
    "matplotlib": {"report"},
    "pandas": {"report", "tracking"},
}


def modules() -> dict[str, Path]:
    """Dotted name relative to the package → file."""
    found = {}
    for file in PACKAGE.rglob("*.py"):
        parts = list(file.relative_to(PACKAGE).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        found[".".join(parts)] = file
    return found


def imports(file: Path) -> set[str]:
    """Every module that a file names in an import that runs, at the top or inside a function."""
    found = set()
    tree = ast.parse(file.read_text())
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def level(module: str) -> int:
    """Layer of a module, 0 at the top."""
    candidates = [
        (len(pattern), index)
        for index, layer in enumerate(LAYERS)
        for pattern in layer
        if fnmatch(module, pattern)
    ]
    assert candidates, f"gansearch.{module} has no layer: give it one in tests/test_layers.py"
    return max(candidates)[1]


@pytest.mark.parametrize("module", sorted(name for name in modules() if name))
def test_imports_point_down(module: str) -> None:
    known = modules()
    own = level(module)
    for target in imports(known[module]):
        name = target.removeprefix("gansearch.")
        if target.startswith("gansearch.") and name in known:
            same_room = module.split(".")[0] == name.split(".")[0] and level(name) == own
            message = f"gansearch.{module} imports {target}: not down"
            assert same_room or level(name) > own, message


@pytest.mark.parametrize("library", HEAVY)
def test_heavy_libraries_stay_in_their_layer(library: str) -> None:
    for module, file in modules().items():
        if any(target.split(".")[0] == library for target in imports(file)):
            owners = HEAVY[library]
            assert any(module == o or module.startswith(f"{o}.") for o in owners), (
                f"gansearch.{module} imports {library}, which belongs to {sorted(owners)}"
            )


@pytest.mark.parametrize(
    "module",
    [
        *(
            "cli.app",
            "space",
            "space.table",
            "variants.catalog",
            "variants.table",
            "pareto",
            "record",
        ),
        *("data", "data.catalog", "data.files", "study.availability"),
    ],
)
def test_light_modules_load_nothing_heavy(module: str) -> None:
    heavy = [*HEAVY, "numpy", "scipy", "sklearn"] if module != "pareto" else list(HEAVY)
    script = f"import sys, gansearch.{module}; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "module",
    sorted(
        name for name, file in modules().items() if file.name not in ("__init__.py", "__main__.py")
    ),
)
def test_every_module_has_a_test_module_at_the_mirrored_path(module: str) -> None:
    *folders, name = module.split(".")
    file = Path(__file__).parent.joinpath(*folders, f"test_{name}.py")
    assert file.exists(), f"gansearch.{module} needs tests in {file.relative_to(PACKAGE.parent)}"
    assert "\ndef test_" in file.read_text()


def test_variants_do_not_import_each_other() -> None:
    known = modules()
    homes = {name for name in known if fnmatch(name, "variants.*.*")}
    homes -= {name for name in homes if name.endswith((".entries", ".settings"))}
    for module in homes:
        for target in imports(known[module]):
            name = target.removeprefix("gansearch.")
            assert name == module or name not in homes, f"gansearch.{module} imports {target}"


def defined(file: Path) -> set[str]:
    """Names that a module defines itself."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def test_names_are_imported_from_the_module_that_defines_them() -> None:
    known = {name: file for name, file in modules().items() if file.name != "__init__.py"}
    definitions = {name: defined(file) for name, file in known.items()}
    for module, file in known.items():
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            source = node.module.removeprefix("gansearch.")
            for alias in node.names if source in known else ():
                assert alias.name in definitions[source], (
                    f"gansearch.{module} imports {alias.name} from gansearch.{source}, "
                    "which imports it from elsewhere"
                )
