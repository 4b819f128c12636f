from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from gansearch.config import DataConfig, EvaluationConfig
from gansearch.data import Images, load_images
from gansearch.data.batch import Batch
from gansearch.errors import ConfigError, WeightsError
from gansearch.metrics import lpips as ours
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.lpips import ALEXNET, Lpips

CPU = torch.device("cpu")
METRICS = ("lpips_diversity",)


@pytest.fixture(scope="module")
def theirs() -> torch.nn.Module:
    """The authors' own: their heads, on an AlexNet of random weights."""
    import lpips

    with torch.random.fork_rng():
        torch.manual_seed(0)
        made: torch.nn.Module = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    return made


@pytest.fixture(scope="module")
def same(theirs: torch.nn.Module) -> Lpips:
    """Ours, of the same weights."""
    from torchvision.models import alexnet

    state = alexnet(weights=None).state_dict()
    for name, tensor in theirs.net.state_dict().items():
        state[f"features.{name.partition('.')[2]}"] = tensor
    heads = {f"lin{i}.model.1.weight": theirs.lins[i].model[1].weight.detach() for i in range(5)}
    return Lpips(state, heads).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def images() -> Images:
    return load_images(DataConfig(name="digits", resolution=32))


@pytest.mark.parametrize(("channels", "size"), [(3, 64), (3, 32), (1, 48)])
def test_distances_equal_the_authors_own(
    same: Lpips, theirs: torch.nn.Module, channels: int, size: int
) -> None:
    generator = torch.Generator().manual_seed(size)
    a, b = (torch.rand(4, channels, size, size, generator=generator) * 2 - 1 for _ in range(2))
    with torch.no_grad():
        expected = theirs(a.expand(-1, 3, -1, -1), b.expand(-1, 3, -1, -1)).flatten()
    torch.testing.assert_close(same(a, b), expected, rtol=1e-5, atol=1e-7)
    assert expected.min() > 0


def test_an_image_is_at_no_distance_from_itself(same: Lpips) -> None:
    image = torch.rand(2, 3, 32, 32)
    assert torch.equal(same(image, image), torch.zeros(2))


def test_diversity_is_the_mean_over_the_pairs(
    same: Lpips, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "load_lpips", lambda: same)
    seen: list[Tensor] = []

    def sample(batch: Batch, generator: torch.Generator) -> Tensor:
        seen.append(batch.images)
        return batch.images

    scorer = Evaluator(EvaluationConfig(samples=71), METRICS, images, CPU)
    evaluation = scorer.evaluate(sample)
    expected = [  # of 64 images and of 7, of which one is left over
        same(part[: len(part) // 2], part[len(part) // 2 : len(part) // 2 * 2]) for part in seen
    ]
    assert len(torch.cat(expected)) == 35
    assert evaluation.values["lpips_diversity"] == pytest.approx(torch.cat(expected).mean().item())
    assert "in pairs" in evaluation.protocols["lpips_diversity"]
    alike = scorer.evaluate(lambda batch, _: batch.images[:1].expand_as(batch.images))
    assert alike.values["lpips_diversity"] == pytest.approx(0, abs=1e-6)


def test_small_images_are_refused() -> None:
    with pytest.raises(
        ConfigError, match="lpips_diversity needs images of at least 32 pixels, got 8"
    ):
        Evaluator(EvaluationConfig(), METRICS, load_images(DataConfig(name="digits")), CPU)


def test_without_weights_the_error_says_which(
    images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    with pytest.raises(WeightsError, match=f"lpips_diversity.*{ALEXNET.file}.*no route to host"):
        Evaluator(EvaluationConfig(), METRICS, images, CPU)
