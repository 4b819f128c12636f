"""What ``gansearch profile`` takes and prints."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from gansearch.cli.options import scalars
from gansearch.errors import ConfigError, DataError, SpaceError, UsageError
from gansearch.runs import profile
from gansearch.runs.profile import config_of
from gansearch.space.specs import defaults_of

SPACE = Path(__file__).parents[2] / "search_spaces" / "dcgan.yaml"


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    from gansearch.cli import app as cli

    monkeypatch.setattr("sys.argv", ["gansearch", "profile", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_a_profile_is_tables_and_a_picture(monkeypatch, capsys, tmp_path) -> None:
    plot = tmp_path / "profile.png"
    options = ("--batch-size", 8, "--steps", 2, "--set", "g_hidden=16", "--plot", plot)
    assert call(monkeypatch, "gan", *options) == 0
    out = capsys.readouterr().out
    assert "gan, digits at 8 px: CPU" in out
    assert "a round of 8 real images" in out
    assert "medians of 2 rounds" in out
    assert "d backward" in out
    assert "discriminator.layers" in out
    assert "separable" not in out  # an MLP has nothing to separate
    with Image.open(plot) as image:
        assert min(image.size) > 500


def test_wrong_arguments_are_one_readable_line(monkeypatch, capsys) -> None:
    assert call(monkeypatch, "dcgun") == 2
    assert "did you mean dcgan?" in capsys.readouterr().err
    assert call(monkeypatch, "gan", "--set", "g_lr") == 2
    assert "--set g_lr: should be a parameter and its value" in capsys.readouterr().err


def test_a_variant_has_its_papers_settings() -> None:
    config = config_of("dcgan", None, {"d_steps": 2, "dsc.where": "both"})
    assert config.settings.g_lr == defaults_of("dcgan")["g_lr"]
    assert (config.settings.d_steps, config.settings.dsc.where) == (2, "both")
    assert (config.data.name, config.data.resolution) == ("digits", 8)


def test_a_space_has_its_first_trial() -> None:
    config = config_of(str(SPACE), "photos", {"batch_size": 12})
    assert config.variant == "dcgan"
    assert config.data.name == "photos"
    assert config.settings.batch_size == 12


@pytest.mark.parametrize(
    ("source", "data", "settings", "kind"),
    [
        ("dcgun", None, {}, ConfigError),
        ("gan", "nowhere", {}, DataError),
        ("gan", None, {"g_channels": 3}, ConfigError),
        ("gan", None, {"batch_size": 0}, ConfigError),
        ("none.yaml", None, {}, SpaceError),
    ],
)
def test_what_is_wrong_is_said(source, data, settings, kind) -> None:
    with pytest.raises(kind):
        config_of(source, data, settings)


def test_values_are_typed() -> None:
    texts = ["d_steps=2", "g_lr=1e-4", "dsc.where=both", "flag=true", "d_steps_too=[1]"]
    assert scalars("--set", texts) == {
        "d_steps": 2,
        "g_lr": 1e-4,
        "dsc.where": "both",
        "flag": True,
        "d_steps_too": "[1]",
    }
    with pytest.raises(UsageError, match="--set d_steps"):
        scalars("--set", ["d_steps"])


def test_profiles_run_on_the_best_device(monkeypatch) -> None:
    seen = {}

    def spy(config, images, device, steps):
        seen.update(config=config, images=images, device=device, steps=steps)

    monkeypatch.setattr(profile, "profile", spy)
    monkeypatch.setattr(profile, "best_device", lambda: SimpleNamespace(type="best"))
    profile.profile_source("vae", None, {}, steps=7)
    assert (seen["device"].type, seen["steps"]) == ("best", 7)
    assert seen["images"].spec.resolution == seen["config"].data.resolution
