"""The energy of phases and weights: decided exactly, against high precision and against the bound of theory."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plastodyn.certify import Certificate, colearning
from plastodyn.theory.kuramoto import largest_weight_share

POSITIVE = st.fractions(Fraction(1, 1000), 100, max_denominator=1000)


def _decimal(x):
    return Decimal(x.numerator) / Decimal(x.denominator)


@given(
    st.integers(1, 10_000), POSITIVE, POSITIVE, POSITIVE, st.fractions(0, 100, max_denominator=100), st.sampled_from([-1, 1])
)
def test_decided_on_both_sides_of_the_bound(count, rate, gain, decay, slope, side):
    with localcontext() as context:
        context.prec = 60
        moves = _decimal(gain) / _decimal(decay) * Decimal(count).sqrt() * (Decimal(2).sqrt() + _decimal(slope) / 4)
        bound = 4 * _decimal(rate) * _decimal(decay) / moves**2
        share = str(bound * (1 + side * Decimal("1e-25")))
    found = colearning(count, share, rate=str(rate), slope=str(slope), gain=str(gain), decay=str(decay))
    assert found.verdict == ("certified" if side < 0 else "unknown")
    assert Certificate.from_json(found.to_json()).recheck()
    assert float(bound) == pytest.approx(
        largest_weight_share(count, float(gain), float(decay), float(rate), float(slope)), rel=1e-9
    )


def test_the_bound_itself_is_certified_where_it_is_rational():
    assert colearning(8, Fraction(4, 16), rate=1, slope=0).verdict == "certified"
    assert colearning(8, Fraction(4, 16) + Fraction(1, 10**40), rate=1, slope=0).verdict == "unknown"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"oscillators": 0}, "oscillators must be a whole number >= 1"),
        ({"weight_share": 0}, "weight_share must be a number > 0; got 0"),
        ({"slope": -1}, "slope must be a number >= 0"),
        ({"rate": "x"}, "rate"),
        ({"decay": float("nan")}, "decay"),
    ],
)
def test_bad_input(change, message):
    arguments = {"oscillators": 5, "weight_share": "0.1", "rate": 1, "slope": 1, **change}
    with pytest.raises(ValueError, match=message):
        colearning(arguments.pop("oscillators"), arguments.pop("weight_share"), **arguments)
