from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from gansearch.config import DataConfig
from gansearch.data import load_images
from gansearch.errors import Diverged
from gansearch.record import images_of
from gansearch.train.collapse import (
    DRIFT_EXPONENT,
    FALL,
    ONE_IMAGE,
    CollapseCheck,
    variety,
    variety_of,
)

NOISE = torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))
NOISE = (NOISE - NOISE.mean(0)) / NOISE.std(0)  # of variety 1
MOVE = torch.ones(1, 8, 8)


def samples(varied: float, moved: float = 0.0) -> torch.Tensor:
    return varied * NOISE + moved * MOVE


def run(*checks: tuple[float, torch.Tensor], fresh: float = 0.001, data: float = 1.0) -> None:
    """Check samples at some kimg of a run of 8."""
    check = CollapseCheck(8, data, samples(fresh), {})
    for kimg, drawn in checks:
        check.check(drawn, images_of(kimg))


def test_variety_of_images_in_closed_form():
    apart = torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 4, 4)
    assert variety(apart) == pytest.approx(2**0.5)
    half = torch.cat([apart, torch.zeros(2, 3, 4, 4)], dim=1)  # half of the channels are constant
    assert variety(half) == pytest.approx(2**0.5 / 2)
    assert variety(torch.full((5, 1, 2, 2), 0.7)) == 0


def test_the_variety_of_a_set_follows_from_images_all_over_it():
    digits = load_images(DataConfig(name="digits")).train
    assert variety_of(digits, 64) == pytest.approx(variety_of(digits, 1797), rel=0.1)


@pytest.mark.parametrize(
    ("before", "now", "collapsed"),
    [
        (0.5, 0.9 * ONE_IMAGE, True),
        (0.5, 1.1 * ONE_IMAGE, False),  # low, but above the limit
        (0.01, 1.1 * FALL * 0.01, False),  # no fall
        (0.01, 0.9 * FALL * 0.01, True),
        (0.01, 0.0, True),
        (0.0, 0.0, False),  # it may still begin to learn
    ],
)
@pytest.mark.parametrize("contrast", [1.0, 1e-3])
def test_a_fall_in_variety_to_one_image_is_a_collapse_at_any_contrast(
    before, now, collapsed, contrast
):
    checks = ((1.0, samples(before * contrast)), (3.0, samples(now * contrast)))
    with pytest.raises(Diverged) if collapsed else nullcontext() as caught:
        run(*checks, fresh=0.001 * contrast, data=contrast)
    if caught is not None:
        assert (caught.value.reason, caught.value.kimg) == ("collapse", 3.0)


def test_learnt_images_of_low_contrast_are_no_collapse():
    learnt = samples(0.008, 0.3)  # as varied as the data
    run(*((kimg, learnt) for kimg in (1.0, 2.0, 4.0, 8.0)), fresh=0.006, data=0.008)


@pytest.mark.parametrize(
    ("power", "collapsed"),
    [(0.0, True), (1.0, True), (DRIFT_EXPONENT - 0.1, True), (DRIFT_EXPONENT + 0.1, False)],
)
def test_samples_that_only_drift_have_collapsed_at_half_of_the_budget(power, collapsed):
    checks = [(kimg, samples(0.001, 1e-6 * kimg**power)) for kimg in (1.0, 2.0, 3.0, 4.0)]
    run(*checks[:-1])
    with pytest.raises(Diverged, match="collapse at 4 kimg") if collapsed else nullcontext():
        run(*checks)


def test_samples_more_varied_than_the_untrained_networks_have_not_collapsed():
    at_quarter = (2.0, samples(0.001, 0.01))
    run(at_quarter, (4.0, samples(0.0021, 0.01)))
    with pytest.raises(Diverged):
        run(at_quarter, (4.0, samples(0.0019, 0.01)))


def test_a_check_continues_from_a_reports_metrics():
    whole = CollapseCheck(8, 1.0, samples(0.001), {})
    for kimg, images in ((1.0, samples(0.5, 0.1)), (2.0, samples(0.4, 0.2))):
        whole.check(images, images_of(kimg))
    other = CollapseCheck(8, 1.0, samples(0.001), whole.metrics)
    for check in (whole, other):
        check.check(samples(0.3, 0.3), 4000)
    assert whole.metrics == other.metrics
    with pytest.raises(Diverged):
        other.check(samples(0.001), 5000)


@pytest.mark.parametrize(("budget", "due"), [(0.1, set()), (1.0, {500}), (8.0, {1000, 2000, 4000})])
def test_no_check_is_due_in_the_first_images(budget, due):
    check = CollapseCheck(budget, 1.0, samples(0.001), {})
    assert check.due == due
    check.check(samples(0.0), 30)
    check.check(samples(0.0), 40)


@pytest.mark.parametrize("side", [8, 64, 256])
def test_movement_is_the_same_at_any_resolution(side):
    fresh = torch.zeros(2, 3, side, side)
    check = CollapseCheck(8, 1.0, fresh, {})
    check.check(fresh + 0.25, 1000)
    assert check.metrics["sample_movement"] == pytest.approx(0.25)
