"""Certificates of the first format, which held sentences, are still read and checked."""

import json

import pytest

from plastodyn.certify import Certificate

FORMAT_1 = {
    "linear": {
        "kind": "linear_inclusion",
        "verdict": "certified",
        "statement": "uniformly asymptotically stable: z' = A z, A anywhere in the polytope of 1 1 x 1 matrices",
        "time": "continuous",
        "system": {"vertices": [[["-1"]]]},
        "lyapunov": [["1"]],
        "margin": "1/2",
        "domain": {"states": "all", "holds": "for any switching within the polytope of the vertices"},
        "conditions": [
            "P is positive definite (exact)",
            "V decreases at the margin's rate at vertex 0 (exact)",
        ],
    },
    "memory": {
        "kind": "consolidation",
        "verdict": "certified",
        "statement": "uniformly asymptotically stable: a two-stage memory under any perturbation |xi| <= mu |e| of the error",
        "time": "continuous",
        "system": {"alpha": "1/2", "mu": "17/20"},
        "domain": {
            "answers": {
                "paper": "alpha <= 0.15: not guaranteed",
                "quadratic": "mu < 0.7862: no such function was found",
                "exact": "mu < 0.8893: stable",
            }
        },
        "conditions": ["under the worst perturbation the state shrinks in each half turn, or never turns (balls, 128 bits)"],
    },
}
FORGERIES = {
    "statement": lambda c: c.__setitem__("statement", c["statement"] + ", and all others"),
    "conditions": lambda c: c["conditions"].append("it is stable for larger perturbations too"),
    "domain": lambda c: c["domain"].__setitem__("states", "any"),
}


@pytest.mark.parametrize("how", [None, *FORGERIES])
@pytest.mark.parametrize("name", FORMAT_1)
def test_a_certificate_of_format_1_is_concluded_anew(name, how):
    """Its sentences are not read: whatever they say, it says what its numbers prove."""
    values = json.loads(json.dumps(FORMAT_1[name]))
    if how is not None:
        FORGERIES[how](values)
    again = Certificate.from_json(json.dumps(values))
    assert again.recheck()
    assert again.format == json.loads(again.to_json())["format"] == 3
    assert again.summary()["statement"] == FORMAT_1[name]["statement"]
    assert again == Certificate.from_json(again.to_json())


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.__setitem__("verdict", "refuted"),
        lambda c: c.__setitem__("time", "discrete"),
        lambda c: c["system"].clear(),
        lambda c: c["system"].update({"vertices": [[["1"]]], "mu": "95/100"}),
    ],
)
@pytest.mark.parametrize("name", FORMAT_1)
def test_what_its_numbers_do_not_prove_is_refused(name, change):
    values = json.loads(json.dumps(FORMAT_1[name]))
    change(values)
    with pytest.raises(ValueError, match="text must be"):
        Certificate.from_json(json.dumps(values))


def test_a_certificate_of_format_2_is_concluded_anew():
    """As the commit before format 3 wrote it."""
    values = {
        **{"kind": "smooth_field", "verdict": "certified", "time": "continuous", "format": 2},
        "statement": "decreases_in_region in continuous time",
        "system": {"operations": [["input", 0], ["neg", 0]], "outputs": [1]},
        "lyapunov": [["1/2"]],
        "margin": "1/2",
        "domain": {"box": [["-1", "1"]], "equilibrium": [["0", "0"]], "level": "1/2"},
        "conditions": ["positive", "region_in_box", "decreases_in_region", "decreases_at_margin"],
        "tolerances": {"boxes": 20_000, "bits": 64},
    }
    again = Certificate.from_json(json.dumps(values))
    assert (again.verdict, again.margin, again.domain["level"], again.recheck()) == ("certified", "1/2", "1/2", True)
    with pytest.raises(ValueError, match="proves nothing"):
        Certificate.from_json(json.dumps({**values, "margin": "2"}))
