"""Whatever is wrong with a file is said in one line, with file, line, key and what it got; nothing of the user's is run."""

import os

import numpy as np
import pytest
from bad_documents import BAD, GOOD, line_of, text_of

from plastodyn import experiments

MODEL = """
from pathlib import Path
Path("imported").touch()
def is_done(moment):
    return False
def error(moment):
    return moment.loss()
"""


@pytest.fixture
def surroundings(place):
    (place / "my_model.py").write_text(MODEL)
    np.savez(place / "my.npz", x=np.ones(2))
    np.save(place / "objects.npy", np.array([{}], object), allow_pickle=True)
    return place


def test_the_good_one_is_read_and_nothing_is_imported(write, surroundings):
    document = experiments.read(write(GOOD))
    assert document.run.batch == {"ratio": 2, "network": 1}
    assert not (surroundings / "imported").exists()


def test_there_are_sixty_kinds():
    assert len(BAD) >= 60
    assert len({text_of(bad) for bad in BAD.values()}) == len(BAD)


@pytest.mark.parametrize("kind", BAD)
def test_each_is_refused_in_one_line(write, surroundings, kind):
    bad = BAD[kind]
    with pytest.raises(ValueError, match=r".") as caught:
        experiments.read(write(text_of(bad)))
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{surroundings}/my.toml:{line_of(bad)}: {bad.key}"), (line_of(bad), message)
    assert bad.words in message
    assert "got" in message
    assert not (surroundings / "imported").exists()


def test_files_that_are_none(place):
    (place / "latin.toml").write_bytes(b'seed = 1\ntitle = "\xe9"\n')
    (place / "directory.toml").mkdir()
    os.mkfifo(place / "pipe.toml")
    with (place / "large.toml").open("wb") as large:
        large.truncate(2**30)
    complaints = {
        "latin.toml": "latin.toml:2: must be UTF-8; got the byte 0xe9",
        "directory.toml": "directory.toml: must be a file; got a directory",
        "pipe.toml": "pipe.toml: must be a file; got a pipe or device",
        "large.toml": "large.toml: must be a file of at most 16777216 bytes, arrays in files of their own; got 1073741824",
        "none.toml": "none.toml: must be an existing file; got nothing there",
    }
    for name, complaint in complaints.items():
        with pytest.raises(ValueError, match=r".") as caught:
            experiments.read(place / name)
        assert str(caught.value).endswith(complaint)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("seed = 1\n" + ".".join("a" * 100_000) + " = 1", "my.toml:2: must be nested at most 60 deep; got a longer dotted key"),
        ("[" + '."a"' * 100_000 + "]", "my.toml:1: must be nested at most 60 deep; got a longer dotted key"),
        ("a = " + "[" * 1_000_000, "my.toml:1: must be nested at most 60 deep; got more"),
        ("seed = 1\nb = " + "9" * 5000, "my.toml:2: is not TOML: "),
        ('a = "' + '\\"' * 500_000, "my.toml:1: is not TOML: Unterminated string"),
    ],
)
def test_what_would_take_long_is_refused_at_once(write, text, complaint):
    with pytest.raises(ValueError, match=r".") as caught:
        experiments.read(write(text))
    assert complaint in str(caught.value)
