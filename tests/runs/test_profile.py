"""The configuration that is profiled, and its device."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from gansearch.errors import ConfigError, DataError, SpaceError
from gansearch.runs import profile
from gansearch.runs.profile import config_of
from gansearch.space.specs import defaults_of

SPACE = Path(__file__).parents[2] / "search_spaces" / "dcgan.yaml"


def test_a_variant_is_profiled_with_its_papers_settings() -> None:
    config = config_of("dcgan", None, {"d_steps": 2, "dsc.where": "both"})
    assert config.settings.g_lr == defaults_of("dcgan")["g_lr"]
    assert (config.settings.d_steps, config.settings.dsc.where) == (2, "both")
    assert (config.data.name, config.data.resolution) == ("digits", 8)


def test_the_first_trial_of_a_space_is_profiled() -> None:
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
def test_an_invalid_source_is_refused(source, data, settings, kind) -> None:
    with pytest.raises(kind):
        config_of(source, data, settings)


def test_profiles_run_on_the_best_device(monkeypatch) -> None:
    seen = {}

    def spy(config, images, device, steps):
        seen.update(config=config, images=images, device=device, steps=steps)

    monkeypatch.setattr(profile, "profile_step", spy)
    monkeypatch.setattr(profile, "best_device", lambda: SimpleNamespace(type="best"))
    profile.profile("vae", steps=7)
    assert (seen["device"].type, seen["steps"]) == ("best", 7)
    assert seen["images"].spec.resolution == seen["config"].data.resolution
