"""Certificates of the first format, which held sentences, are still read and checked."""

import json

import pytest

from plastodyn.certify import Certificate, consolidation

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
    "verdict": lambda c: c.__setitem__("verdict", "refuted"),
}


@pytest.mark.parametrize("name", FORMAT_1)
def test_a_certificate_of_format_1_is_read_and_checked(name):
    again = Certificate.from_json(json.dumps(FORMAT_1[name]))
    assert again.recheck()
    assert again.format == json.loads(again.to_json())["format"] == 2
    # In words it says what it said.
    assert again.summary()["statement"] == FORMAT_1[name]["statement"]


@pytest.mark.parametrize("how", FORGERIES)
@pytest.mark.parametrize("name", FORMAT_1)
def test_a_forged_certificate_of_format_1_is_rejected_and_still_shown(name, how):
    values = json.loads(json.dumps(FORMAT_1[name]))
    FORGERIES[how](values)
    forged = Certificate.from_json(json.dumps(values))
    assert not forged.recheck()
    assert forged.summary()


def test_files_hold_no_sentences():
    values = json.loads(consolidation("1/2", "0.85").to_json())
    assert (values["format"], values["statement"], values["conditions"]) == (
        2,
        "memory_stable in continuous time",
        ["shrinks_each_half_turn"],
    )
