"""Semi-supervised GAN: the labelled images, the losses and the accuracy."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from gansearch.config import DataConfig, EvaluationConfig, TrainConfig
from gansearch.data import Images, load_images
from gansearch.data.batch import Batch, ImageSpec
from gansearch.data.images import ImageSet
from gansearch.errors import DataError, SpaceError
from gansearch.nn.conv import ConvFactory
from gansearch.nn.dcgan import DcganDiscriminator
from gansearch.settings import Dsc
from gansearch.space import parse_space
from gansearch.train.run import run_training
from gansearch.variants.classic.settings import SganSettings
from gansearch.variants.classic.sgan import Sgan, choose_labelled

CPU = torch.device("cpu")
SPEC = ImageSpec(1, 8, 10)


@pytest.fixture(scope="module")
def images() -> Images:
    return load_images(DataConfig(name="digits", holdout=0.5))


def build(images: Images, **settings: object) -> Sgan:
    torch.manual_seed(0)
    small = {"z_dim": 8, "g_channels": 8, "d_channels": 8, **settings}
    variant = Sgan(SganSettings(**small), SPEC)
    variant.prepare(images.train)
    return variant


def labels_of(images: ImageSet) -> torch.Tensor:
    return images.labels[images.rows]


# --- The labels ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [10, 23, 100, 500])
def test_classes_share_the_labels_evenly(images: Images, count: int) -> None:
    chosen = choose_labelled(images.train, count)
    assert len(set(chosen.rows.tolist())) == count
    assert set(chosen.rows.tolist()) <= set(images.train.rows.tolist())
    sizes = labels_of(chosen).bincount(minlength=10)
    assert sizes.max() - sizes.min() <= 1


def test_the_same_images_every_time_and_more_of_them_include_fewer(images: Images) -> None:
    again = load_images(DataConfig(name="digits", holdout=0.5)).train
    few, same, more = (
        choose_labelled(s, n) for s, n in ((images.train, 50), (again, 50), (again, 90))
    )
    assert torch.equal(few.rows, same.rows)
    assert set(few.rows.tolist()) < set(more.rows.tolist())
    assert few.fingerprint == same.fingerprint != more.fingerprint


def test_all_labels_can_be_used(images: Images) -> None:
    chosen = choose_labelled(images.train, len(images.train))
    assert sorted(chosen.rows.tolist()) == sorted(images.train.rows.tolist())


@pytest.mark.parametrize("count", [9, 2000])
def test_numbers_of_labelled_images_out_of_range_are_refused(images, count) -> None:
    with pytest.raises(DataError, match=rf"labelled .* between 10.* 899 .*got {count}"):
        choose_labelled(images.train, count)


def test_images_without_labels_are_refused() -> None:
    photos = load_images(DataConfig(name="photos", resolution=32)).train
    with pytest.raises(DataError, match="labelled images"):
        choose_labelled(photos, 10)


def test_labels_of_other_images_change_nothing(images: Images) -> None:
    variant = build(images)
    batch = images.train.batch(torch.arange(20))
    values = []
    for labels in (batch.labels, (batch.labels + 1) % 10, None):
        torch.manual_seed(1)
        values.append(variant.losses("d", Batch(batch.images, labels))["total"].item())
    assert values[0] == values[1] == values[2]


# --- The losses ----------------------------------------------------------------------------------


def test_the_logit_of_real_is_one_minus_the_probability_of_fake(images: Images) -> None:
    variant = build(images).eval()
    batch = images.train.batch(torch.arange(6))
    output = variant.discriminator_output(batch.images, batch)
    (classes,) = output.heads
    with_fake = torch.cat([classes, torch.zeros(6, 1)], 1).softmax(1)  # K + 1 classes
    assert (output.logits.sigmoid() - (1 - with_fake[:, -1])).abs().max() < 1e-6


def test_losses_equal_those_of_a_classifier_with_a_class_for_fakes(images: Images) -> None:
    variant = build(images).eval()
    batch = images.train.batch(torch.arange(20))
    torch.manual_seed(1)
    fakes = variant.generate(variant.latents(20, CPU), batch)
    chosen = choose_labelled(images.train, 100)
    labelled = chosen.batch(torch.randint(100, (20,)))
    k_plus_one = [
        F.pad(variant.discriminator(x), (0, 1)).log_softmax(1)
        for x in (batch.images, fakes, labelled.images)
    ]
    real = -torch.log1p(-k_plus_one[0][:, 10].exp()).mean()  # not fake
    fake = -k_plus_one[1][:, 10].mean()
    supervised = -k_plus_one[2][:, :10].log_softmax(1)[range(20), labelled.labels].mean()
    torch.manual_seed(1)
    losses = variant.losses("d", batch)
    assert losses["supervised"].item() == pytest.approx(supervised.item(), rel=1e-5)
    assert losses["total"].item() == pytest.approx((real + fake + supervised).item(), rel=1e-5)
    assert "supervised" not in variant.losses("g", batch)


# --- Accuracy ------------------------------------------------------------------------------------


def test_accuracy_is_the_share_of_right_classes(images: Images) -> None:
    variant = build(images).eval()
    every = images.heldout.batch(torch.arange(len(images.heldout)))
    with torch.no_grad():
        expected = (variant.discriminator(every.images).argmax(1) == every.labels).double().mean()
        assert variant.evaluate(images.heldout)["accuracy"] == pytest.approx(expected.item())
        assert variant.evaluate(None) == {}


def config(kimg: float, **settings: object) -> TrainConfig:
    small = {"g_channels": 16, "d_channels": 16, "g_lr": 1e-3, "batch_size": 64, **settings}
    return TrainConfig(
        variant="sgan",
        settings=small,
        data=DataConfig(name="digits", holdout=0.5),
        evaluation=EvaluationConfig(metrics=("accuracy",), samples=64),
        seed=0,
        max_kimg=kimg,
    )


def test_a_run_reports_the_accuracy_with_its_protocol(tmp_path, images: Images) -> None:
    reports = []
    on_report = lambda report, _: reports.append(report) or True  # noqa: E731
    ending = run_training(config(1), (), tmp_path, on_report, None, CPU)
    assert ending == ("completed", "")
    (report,) = reports
    assert 0 <= report.metrics["accuracy"] <= 1
    assert report.protocols["accuracy"].startswith("samples=898; source=held-out images")


SPACE = """\
variant: {variant}
data: {{name: digits, holdout: {holdout}}}
parameters: {{d_steps: [1, 2]}}
objectives: {{accuracy: maximize}}
"""


def test_accuracy_is_an_objective_of_sgan_only() -> None:
    space = parse_space(SPACE.format(variant="sgan", holdout=0.5), "s.yaml")
    assert space.quality.metric == "accuracy"
    assert space.train_config(space.defaults()[0], 0).evaluation.metrics == ("accuracy",)
    with pytest.raises(SpaceError, match=r"s\.yaml:4: .*dcgan does not compute it.* sgan"):
        parse_space(SPACE.format(variant="[sgan, dcgan]", holdout=0.5), "s.yaml")
    with pytest.raises(SpaceError, match=r"accuracy needs held-out images: data\.holdout above 0"):
        parse_space(SPACE.format(variant="sgan", holdout=0), "s.yaml")


def supervised_accuracy(images: Images, labelled: int, kimg: float) -> float:
    """Best accuracy of the same discriminator trained on the labelled images alone."""
    torch.manual_seed(0)
    factory = ConvFactory(Dsc(), "discriminator")
    network = DcganDiscriminator(factory, channels=16, images=1, resolution=8, outputs=10)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.5, 0.999))
    few = choose_labelled(images.train, labelled)
    every = images.heldout.batch(torch.arange(len(images.heldout)))
    best = 0.0
    for step in range(1, math.ceil(1000 * kimg / 64) + 1):
        batch = few.batch(torch.randint(labelled, (64,)))
        optimiser.zero_grad()
        F.cross_entropy(network(batch.images), batch.labels).backward()
        optimiser.step()
        if step % 20 == 0:
            with torch.no_grad():
                right = network.eval()(every.images).argmax(1) == every.labels
            best = max(best, right.double().mean().item())
            network.train()
    return best


@pytest.mark.slow
def test_unlabelled_images_help_the_classifier(tmp_path, images: Images) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    labelled, kimg, reports = 30, 20, []
    try:
        on_report = lambda report, _: reports.append(report) or True  # noqa: E731
        run_training(config(kimg, labelled=labelled), (), tmp_path, on_report, None, CPU)
        alone = supervised_accuracy(images, labelled, kimg)
    finally:
        torch.set_num_threads(threads)
    # A quarter of the baseline's errors are gone, though it is stopped at its best.
    assert 1 - reports[-1].metrics["accuracy"] < 3 / 4 * (1 - alone)
