"""The house has rooms, and imports go down only; each fault that is looked for is found in a small tree that has it."""

from pathlib import Path

import imports
import pytest

import plastodyn

ROOT = Path(plastodyn.__file__).parent
GROUND = {"types", "checks", "numerics", "tree", "solvers", "runtime"}
# What each room may import besides the ground and itself.
BELOW = {
    "protocol": set(),
    "geometry": set(),
    "attention": {"geometry", "theory"},
    "circuits": {"protocol"},
    "fluctuations": {"protocol"},
    "rules": {"protocol", "circuits", "fluctuations", "geometry"},
    "simulation": {"protocol", "circuits", "fluctuations", "rules"},
    "measure": {"protocol", "circuits", "fluctuations", "rules", "theory"},
    "sweeps": {"protocol", "circuits", "fluctuations", "rules", "simulation", "measure"},
    "theory": set(),
    "experiments": {"protocol", "circuits", "fluctuations", "rules", "simulation", "measure", "theory", "sweeps"},
    "figures": set(),
    "synapses": {"figures"},
    "certify": {"theory"},
}
PUBLIC = {
    "rules",
    "circuits",
    "fluctuations",
    "measure",
    "theory",
    "certify",
    "figures",
    "simulation",
    "sweeps",
    "experiments",
    "geometry",
    "attention",
    "synapses",
}
# Within the ground too there is an order.
MAY = {
    "types": set(),
    "numerics": set(),
    "checks": set(),
    "runtime": {"checks"},
    "tree": {"checks"},
    "solvers": {"types", "checks", "tree"},
    **{room: GROUND | below for room, below in BELOW.items()},
    "papers": {"", *GROUND, *PUBLIC, "protocol"},
    "app": {"", *GROUND, *PUBLIC, "protocol", "papers"},
    "__main__": {"app"},
}


@pytest.fixture(scope="module")
def package():
    return imports.Package(ROOT)


def test_every_room_is_known(package):
    assert {package.room(module) for module in package.files} - {""} == set(MAY)


def test_imports_go_down_only(package):
    assert imports.upward(package, MAY) == []


def test_no_module_imports_through_a_front_door_that_it_lies_behind(package):
    assert imports.front_doors(package) == []


def test_private_names_stay_in_their_rooms(package):
    assert imports.private_names(package) == []


def test_no_modules_import_one_another(package):
    assert imports.cycles(package) == []


def test_papers_use_the_public_interface_only(package):
    assert imports.not_public(package, "papers", PUBLIC) == []


def test_no_file_is_longer_than_400_lines():
    files = [*ROOT.rglob("*.py"), *Path(__file__).parent.rglob("*.py")]
    assert not [path for path in files if len(path.read_text().splitlines()) > 400]


SOUND = {
    "__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.attic.top import roof\n",
    "cellar/__init__.py": "from house.cellar.stone import block\n__all__ = ['block']\n",
    "cellar/stone.py": "block = 1\n_mortar = 2\n",
    "cellar/wood.py": "from house.cellar import stone\nfrom house.cellar.stone import _mortar\nbeam = stone._mortar\n",
    "hall/__init__.py": "from house.hall.floor import lay\n__all__ = ['lay']\n",
    "hall/floor.py": "from house.cellar import block\ndef lay():\n    return block\n",
    "attic/__init__.py": "",
    "attic/top.py": "import house\nfrom house.hall import lay\ndef roof():\n    from house.cellar import block\n",
}
ROOMS = {"cellar": set(), "hall": {"cellar"}, "attic": {"", "cellar", "hall"}}


def _faults(tmp_path, **changed):
    for name, text in {**SOUND, **{name.replace("__", "/") + ".py": text for name, text in changed.items()}}.items():
        path = tmp_path / "house" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    house = imports.Package(tmp_path / "house")
    found = {
        "upward": imports.upward(house, ROOMS),
        "front door": imports.front_doors(house),
        "private": imports.private_names(house),
        "cycle": imports.cycles(house),
        "public": imports.not_public(house, "attic", {"hall", "cellar"}),
    }
    return {kind for kind, faults in found.items() if faults}


def test_a_sound_house_has_no_faults(tmp_path):
    assert _faults(tmp_path) == set()


@pytest.mark.parametrize(
    ("changed", "kinds"),
    [
        ({"hall__floor": "from house.attic.top import roof\n"}, {"upward", "cycle"}),
        ({"hall__door": "from house.attic.top import roof\n"}, {"upward"}),
        ({"hall__door": "def open():\n    from house.attic.top import roof\n"}, {"upward"}),
        ({"hall__door": "import house.attic.top\n"}, {"upward"}),
        ({"hall__door": "from house import attic\n"}, {"upward"}),
        ({"hall__door": "from ..attic import top\n"}, {"upward"}),
        ({"hall__door": "from house.hall import lay\n"}, {"front door"}),
        ({"hall__door": "from . import lay\n"}, {"front door"}),
        ({"hall__door": "import house.hall\n"}, {"front door"}),
        ({"hall__floor": "def lay():\n    from house.hall import lay\n"}, {"front door", "cycle"}),
        ({"hall__door": "from house.cellar.stone import _mortar\n"}, {"private"}),
        ({"hall__door": "from house.cellar import stone as s\nx = s._mortar\n"}, {"private"}),
        ({"hall__door": "import house.cellar.stone\nx = house.cellar.stone._mortar\n"}, {"private"}),
        ({"hall__door": "from house.cellar.stone import block\nx = block._secret\n"}, {"private"}),
        ({"cellar__stone": "from house.cellar import wood\n"}, {"cycle"}),
        ({"cellar__stone": "def late():\n    from house.cellar import wood\n"}, {"cycle"}),
        ({"attic__top": "from house.hall.floor import lay\n"}, {"public"}),
        ({"attic__top": "from house.cellar.wood import beam\n"}, {"public"}),
        (
            {"hall__door": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.attic.top import roof\n"},
            set(),
        ),
        (
            {"hall__door": "import typing\nif typing.TYPE_CHECKING:\n    x = 1\nelse:\n    from house.attic import top\n"},
            {"upward"},
        ),
    ],
)
def test_each_fault_is_found(tmp_path, changed, kinds):
    assert _faults(tmp_path, **changed) == kinds
