"""What is read is bounded: work, depth and length; and each kind's open questions are its own."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from plastodyn.certify import Certificate, consolidation, linear_inclusion, smooth_field
from plastodyn.certify.checker import conclude, most_boxes
from plastodyn.certify.premises import Premises, Unproved


def _long(size, digits):
    """A stable matrix of long numbers."""
    rng = np.random.default_rng(0)
    # As bytes: millions of digits one by one take seconds.
    entry = lambda: f"{rng.integers(1, 10)}" + (rng.integers(0, 10, digits) + ord("0")).astype("uint8").tobytes().decode()  # noqa: E731
    return [[f"{'-' if i == j else ''}{entry()}/{'3' * (digits + (i != j) * 3)}" for j in range(size)] for i in range(size)]


def test_long_numbers_are_refused_before_they_are_worked_on():
    matrix, identity = _long(26, 2000), np.eye(26, dtype=int).tolist()
    with pytest.raises(ValueError, match=r"^vertices: matrices must be few, small or short enough [^\n]* got 1 of 26 x 26"):
        linear_inclusion([matrix])
    identity = [[str(x) for x in row] for row in identity]
    for claim in (
        Premises("linear_inclusion", "continuous", {"vertices": [matrix]}, identity, "0"),
        Premises("linear_inclusion", "continuous", {"vertices": [[["-1"]]] * 2}, [["1"]], "1/" + "3" * 3900),
    ):
        work = conclude if len(claim.system["vertices"]) == 1 else None
        if work is not None:
            with pytest.raises(Unproved, match="matrices must be few, small or short enough"):
                work(claim)
        else:
            # Long numbers in small matrices are no matter.
            assert conclude(claim).verdict == "certified"


def test_matrices_of_floats_stay_within_the_bound():
    rng = np.random.default_rng(1)
    found = linear_inclusion([-np.eye(26) + 0.1 * rng.normal(size=(26, 26)) for _ in range(2)], candidate=np.eye(26).tolist())
    assert (found.verdict, found.recheck()) == ("certified", True)


def test_boxes_are_as_many_as_a_field_leaves_time_for():
    crowded = lambda z: -z + 0.001 * sum(jnp.sin(k * z) for k in range(1, 200))  # noqa: E731
    with pytest.raises(ValueError, match=r"^boxes must be at most \d+ for a field of \d+ operations[^\n]*; got 1000000"):
        smooth_field(crowded, [[-1, 1]], boxes=10**6)
    found = smooth_field(lambda z: -z, [[-1, 1]])
    forged = json.loads(found.to_json())
    operations = forged["system"]["operations"]
    forged["system"]["operations"] = operations + [["sin", 0]] * 5000
    forged["boxes"] = 10**6
    assert most_boxes(len(operations) + 5000, 1) < 10**6
    assert not Certificate.from_json(json.dumps(forged)).recheck()


def test_what_is_left_belongs_to_the_kind():
    unknown = json.loads(smooth_field(lambda z: -(z**3), [[-1, 1]]).to_json())
    assert Certificate.from_json(json.dumps(unknown)).recheck()
    for word in ("too_near", "no_quadratic_nor_switching"):
        assert not Certificate.from_json(json.dumps({**unknown, "remaining": [word]})).recheck()


@pytest.mark.parametrize("depth", [25, 800, 100_000])
@pytest.mark.parametrize("place", ["provenance", "system", "witness"])
def test_nesting_is_bounded(depth, place):
    proof = json.loads(consolidation("1/2", "1/10").to_json())
    text = json.dumps({**proof, place: "HERE"}).replace('"HERE"', '{"a": ' * depth + "1" + "}" * depth)
    with pytest.raises(ValueError, match=r"^text must be the JSON of a certificate[^\n]*$"):
        Certificate.from_json(text)


def test_length_is_bounded():
    proof = json.loads(consolidation("1/2", "1/10").to_json())
    with pytest.raises(ValueError, match="at most 20000000 letters"):
        Certificate.from_json(json.dumps({**proof, "provenance": {"note": "x" * 20_000_000}}))


def _field(operations, outputs, size):
    return Premises("smooth_field", "continuous", {"operations": operations, "outputs": outputs})._replace(
        domain={"equilibrium": [["0", "0"]] * size, "box": [["-1", "1"]] * size, "level": "1/100000"}, margin="0", boxes=10
    )


def test_what_a_smooth_field_holds_is_bounded_before_it_is_worked_on():
    """A dense P of long fractions, powers of powers, and an equilibrium of many numbers: each took minutes, or for ever."""
    small = [*(["input", i] for i in range(16)), *(["neg", i] for i in range(16))]
    long = _field(small, list(range(16, 32)), 16)._replace(lyapunov=_symmetric(_long(16, 2000)))
    with pytest.raises(Unproved, match="matrices must be few, small or short enough"):
        conclude(long)
    powers = _field([["input", 0], *(["power", i, 1000] for i in range(2000))], [2000], 1)._replace(lyapunov=[["1"]])
    with pytest.raises(Unproved, match="must not be powers of powers beyond a degree"):
        conclude(powers)
    many = _field([*(["input", i] for i in range(101)), *(["neg", i] for i in range(101))], list(range(101, 202)), 101)
    with pytest.raises(Unproved, match="must be of at most 100 numbers; got 101"):
        conclude(many._replace(witness={"kind": "unstable equilibrium"}))


def _symmetric(rows):
    return [[rows[max(i, j)][min(i, j)].lstrip("-") for j in range(len(rows))] for i in range(len(rows))]


@pytest.mark.slow
def test_whatever_a_refutation_holds_is_bounded_before_it_is_worked_on():
    """Hundreds of numbers of an equilibrium, long shares, long entries of P, millions of small matrices: each took minutes."""
    field = _field([*(["input", i] for i in range(600)), *(["neg", i] for i in range(600))], list(range(600, 1200)), 600)
    inclusion = Premises("linear_inclusion", "continuous", {"vertices": [[["1"]]] * 2400})
    shares = [f"1/{'3' * 3800}{k}1" for k in range(2400)]
    long = _symmetric([[entry.lstrip("-") for entry in row] for row in _long(100, 300)])
    state = {"kind": "state", "state": ["1"] * 100, "vertex": None}
    for claim, said in (
        (field._replace(witness={"kind": "unstable equilibrium"}), "must be of at most 150 numbers; got 600"),
        (inclusion._replace(witness={"kind": "member", "shares": shares}), "shares must be short"),
        (
            Premises("linear_inclusion", "continuous", {"vertices": [[["0"] * 100] * 100]}, long, witness=state),
            "matrices must be few, small or short enough",
        ),
        (
            Premises("linear_inclusion", "continuous", {"vertices": [[["-1"]]] * 1_000_000}, [["1"]], "0"),
            "got 1000000 of 1 x 1",
        ),
    ):
        with pytest.raises(Unproved, match=said):
            conclude(claim)
