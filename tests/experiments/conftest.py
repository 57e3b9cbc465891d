"""Documents in a directory of their own, which no other test's files get in the way of."""

import sys

import jax
import numpy as np
import pytest

from plastodyn import experiments


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


@pytest.fixture
def write(place):
    def written(text, name="my.toml"):
        path = place / name
        path.write_text(text)
        return path

    return written


@pytest.fixture
def at_once(write):
    """The document of a text, run in this process at all its points, batch by batch, with one key."""

    def run(text, key=None):
        document = experiments.read(write(text))
        point = {name: np.asarray(points) for name, points in document.points().items()}
        given = experiments.parameters(document)
        with jax.enable_x64(document.run.precision == "double"):
            own = jax.random.key(0) if key is None else key
            return experiments.member(point, own, **given)

    return run
