from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from gansearch.config import DataConfig
from gansearch.data import load_images
from gansearch.errors import Diverged
from gansearch.train.collapse import FALL, ONE_IMAGE, STEADY, CollapseCheck, variety, variety_of

NOISE = torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))
NOISE = (NOISE - NOISE.mean(0)) / NOISE.std(0)  # of variety 1
MOVE = torch.ones(1, 8, 8)


def samples(varied: float, moved: float = 0.0) -> torch.Tensor:
    return varied * NOISE + moved * MOVE


def course(*looks: tuple[float, torch.Tensor], fresh: float = 0.001, data: float = 1.0) -> None:
    """A run of 8 kimg."""
    check = CollapseCheck(8, data, samples(fresh), {})
    for kimg, images in looks:
        check.look(images, kimg)


def test_variety_of_images_in_closed_form():
    apart = torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 4, 4)
    assert variety(apart) == pytest.approx(2**0.5)
    half = torch.cat([apart, torch.zeros(2, 3, 4, 4)], dim=1)  # half of the channels are constant
    assert variety(half) == pytest.approx(2**0.5 / 2)
    assert variety(torch.full((5, 1, 2, 2), 0.7)) == 0


def test_the_datas_is_of_images_all_over_it():
    digits = load_images(DataConfig(name="digits")).train
    assert variety_of(digits, 64) == pytest.approx(variety_of(digits, 1797), rel=0.1)


@pytest.mark.parametrize(
    ("before", "now", "collapsed"),
    [
        (0.5, 0.9 * ONE_IMAGE, True),
        (0.5, 1.1 * ONE_IMAGE, False),  # little is not nothing
        (0.01, 1.1 * FALL * 0.01, False),  # never was more
        (0.01, 0.9 * FALL * 0.01, True),
        (0.01, 0.0, True),
        (0.0, 0.0, False),  # may yet leave
    ],
)
@pytest.mark.parametrize("contrast", [1.0, 1e-3])
def test_a_fall_to_one_image_is_collapse_at_any_contrast(before, now, collapsed, contrast):
    looks = ((1.0, samples(before * contrast)), (3.0, samples(now * contrast)))
    with pytest.raises(Diverged) if collapsed else nullcontext() as caught:
        course(*looks, fresh=0.001 * contrast, data=contrast)
    if caught is not None:
        assert (caught.value.reason, caught.value.kimg) == ("collapse", 3.0)


def test_images_of_low_contrast_are_no_collapse():
    learnt = samples(0.008, 0.3)  # all of what the data varies by, and below a visible level
    course(*((kimg, learnt) for kimg in (1.0, 2.0, 4.0, 8.0)), fresh=0.006, data=0.008)


@pytest.mark.parametrize(
    ("power", "collapsed"), [(0.0, True), (1.0, True), (STEADY - 0.1, True), (STEADY + 0.1, False)]
)
def test_what_stays_with_the_untrained_network_has_collapsed_by_half(power, collapsed):
    looks = [(kimg, samples(0.001, 1e-6 * kimg**power)) for kimg in (1.0, 2.0, 3.0, 4.0)]
    course(*looks[:-1])
    with pytest.raises(Diverged, match="collapse at 4 kimg") if collapsed else nullcontext():
        course(*looks)


def test_what_is_more_varied_than_untrained_has_left():
    at_quarter = (2.0, samples(0.001, 0.01))
    course(at_quarter, (4.0, samples(0.0021, 0.01)))
    with pytest.raises(Diverged):
        course(at_quarter, (4.0, samples(0.0019, 0.01)))


def test_a_check_goes_on_where_a_report_left_it():
    whole = CollapseCheck(8, 1.0, samples(0.001), {})
    for kimg, images in ((1.0, samples(0.5, 0.1)), (2.0, samples(0.4, 0.2))):
        whole.look(images, kimg)
    other = CollapseCheck(8, 1.0, samples(0.001), whole.metrics)
    for check in (whole, other):
        check.look(samples(0.3, 0.3), 4.0)
    assert whole.metrics == other.metrics
    with pytest.raises(Diverged):
        other.look(samples(0.001), 5.0)


@pytest.mark.parametrize(("budget", "looks"), [(0.1, set()), (1.0, {0.5}), (8.0, {1.0, 2.0, 4.0})])
def test_no_network_is_looked_at_before_it_had_time(budget, looks):
    check = CollapseCheck(budget, 1.0, samples(0.001), {})
    assert check.looks == looks
    check.look(samples(0.0), 0.03)
    check.look(samples(0.0), 0.04)


@pytest.mark.parametrize("side", [8, 64, 256])
def test_movement_is_the_same_at_any_resolution(side):
    fresh = torch.zeros(2, 3, side, side)
    check = CollapseCheck(8, 1.0, fresh, {})
    check.look(fresh + 0.25, 1.0)
    assert check.metrics["sample_movement"] == pytest.approx(0.25)
