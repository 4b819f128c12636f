"""A picture and a row for each variant: the quality that its shipped space reaches on one core.

A variant's configuration is the first trial of ``search_spaces/<variant>.yaml``, its paper's moved
into the space's ranges, trained with seed 0 for the space's whole budget. Nothing is chosen by its
result: the picture is of fixed latents, at the end.

    python benchmarks/gallery.py [variant ...]
"""

from __future__ import annotations

import argparse
import platform
from pathlib import Path

import torch
from torch import Tensor

from gansearch.data import Images, load_images
from gansearch.data.batch import Batch
from gansearch.metrics.evaluator import Evaluator
from gansearch.space import load_space
from gansearch.train.grid import save_grid
from gansearch.train.trainer import Trainer
from gansearch.variants.catalog import CATALOG

CPU = torch.device("cpu")
SPACES = Path(__file__).parents[1] / "search_spaces"
FOLDER = Path(__file__).parent / "gallery"
PAGE = FOLDER / "README.md"
COLUMNS = 8
ROWS = (6, 4, 3, 2, 1)
MOST_BYTES = 60_000

HEAD = """# Gallery

What the shipped space of each variant reaches on one core ({machine}, Python {python}).

Each is the first trial of `search_spaces/<variant>.yaml`, its paper's configuration moved into the
space's ranges, trained with seed 0 for the space's whole budget. None is chosen by its result.
Where the variant takes classes, each column of its picture is of one. Seconds are of training
alone, without evaluation. The floor is what real images score that were held out of training.
Distances of different names, or of different numbers of images, are not comparable.

| variant | samples | distance | untrained | floor | measured by | data | kimg | seconds | torch | command |
|---|---|---|---|---|---|---|---|---|---|---|
"""  # noqa: E501 - a table's line


def add(variant: str) -> str:
    """Train a variant, write its picture, and give its row."""
    space = load_space(SPACES / f"{variant}.yaml")
    config = space.train_config(space.defaults()[0], seed=0)
    images = load_images(config.data)
    metric = next(name for name in config.evaluation.metrics if name.startswith("fid"))
    evaluator = Evaluator(config.evaluation, (metric,), images, CPU)
    trainer = Trainer(config, images, CPU)
    untrained = evaluator.evaluate(trainer.sample).values[metric]
    trainer.advance(config.max_kimg)
    reached = evaluator.evaluate(trainer.sample, trainer.kimg).values[metric]
    floor = evaluator.floor().get(metric)
    draw(trainer, images, FOLDER / f"{variant}.png")
    cells = (
        f"`{variant}`",
        f"![{variant}]({variant}.png)",
        f"{reached:.3g}",
        f"{untrained:.3g}",
        "" if floor is None else f"{floor:.3g}",
        f"`{metric}`, {config.evaluation.samples} images",
        f"{config.data.name}, {images.train.spec.resolution} px",
        f"{trainer.kimg:.3g}",
        f"{trainer.costs()['train_seconds']:.0f}",
        torch.__version__,
        f"`python benchmarks/gallery.py {variant}`",
    )
    return "| " + " | ".join(cells) + " |"


def draw(trainer: Trainer, images: Images, file: Path) -> None:
    """Write as many rows of samples as fit the limit."""
    by_class = CATALOG[trainer.config.variant].by_class
    columns = images.train.spec.classes if by_class else COLUMNS
    for rows in ROWS:
        save_grid(samples(trainer, images, rows * columns), file, columns)
        if file.stat().st_size <= MOST_BYTES:
            break


def samples(trainer: Trainer, images: Images, count: int) -> Tensor:
    """``[count, C, H, W]`` from fixed latents; the classes take turns, where there are any."""
    batch = images.train.batch(torch.arange(count))
    classes = images.train.spec.classes
    labels = torch.arange(count) % classes if classes else None
    return trainer.sample(Batch(batch.images, labels), torch.Generator().manual_seed(0))


def write_page(row: str) -> None:
    """Put a row in its place on the page; the others stay as they are."""
    lines = PAGE.read_text().splitlines() if PAGE.exists() else []
    rows = {line.split("`")[1]: line for line in [*lines, row] if line.startswith("| `")}
    head = HEAD.format(machine=platform.machine(), python=platform.python_version())
    PAGE.write_text(head + "".join(f"{rows[name]}\n" for name in CATALOG if name in rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variants", nargs="*", metavar="variant", help=", ".join(CATALOG))
    torch.set_num_threads(1)
    for variant in parser.parse_args().variants or CATALOG:
        row = add(variant)
        write_page(row)
        print(row, flush=True)


if __name__ == "__main__":
    main()
