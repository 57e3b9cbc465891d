"""What the command line answers and how: arrays that are no weights, JSON, help, and who is not watching."""

import json

import pytest

NORMALISED = """
import jax.numpy as jnp
weights = {"w": jnp.ones((2, 3)), "bn": {"running_mean": jnp.ones(3), "num_batches_tracked": jnp.array(7)}}
signs = {"w": jnp.array([[1.0], [-1.0]]), "bn": {"running_mean": 1, "num_batches_tracked": 1}}

def loss(w):
    return 0.5 * jnp.sum((w["w"] - w["bn"]["running_mean"]) ** 2) + 0 * w["bn"]["num_batches_tracked"]

def nothing(w):
    return jnp.log(-jnp.sum(w["w"] ** 2))
"""


@pytest.fixture
def normalised(tmp_path):
    path = tmp_path / "normalised.py"
    path.write_text(NORMALISED)
    return path


def test_statistics_are_told_from_weights_and_left_out(normalised, run_here):
    """Whole numbers are an error without, floats a word; left out they stay what they are."""
    ask = lambda *more: run_here("measure", normalised, "--json", "--samples", 2, *more, cwd=normalised.parent)  # noqa: E731
    whole = ask()
    assert whole.returncode == 2
    assert "must be a floating-point array; got int32[]" in whole.stderr
    one = ask("--leave-out", "*tracked")
    assert json.loads(one.stdout)["weights"] == 9
    assert one.stderr.startswith("plastodyn: bn.running_mean look like statistics, and count as weights; --leave-out")
    both = ask("--leave-out", "*tracked", "--leave-out", "bn.running*")
    assert (json.loads(both.stdout)["weights"], both.stderr) == (6, "")
    # H = 1: all ratios are 1, and gradient descent is stable up to a rate of 2.
    found = json.loads(both.stdout)
    assert found["stationary_ratio"] == pytest.approx(1, rel=1e-4)
    assert found["largest_stable_rate"] == pytest.approx(2, rel=1e-4)
    assert found["answer"].startswith("Use the stationary ratio: ")
    for pattern, message in (("*x*", "must match the name of an array, of bn.num_batches_tracked"), ("*", "which match all")):
        refused = ask("--leave-out", pattern)
        assert (refused.returncode, message in refused.stderr) == (2, True)


def test_signs_of_what_is_left_out_are_left_out(normalised, run_here):
    quick = ("--signs", "signs", "--rate", 0.1, "--steps", 100, "--leave-out", "bn.*", "--json")
    found = json.loads(run_here("stability", normalised, *quick, cwd=normalised.parent).stdout)
    assert found["flipped_share"] == 0.5


FLAT = """
import jax.numpy as jnp
weights = jnp.ones(3)

def loss(w):
    return 0.0 * jnp.sum(w)
"""


def test_json_is_json_and_a_loss_that_is_none_is_refused(normalised, run_here):
    refused = run_here("measure", normalised, "--loss", "nothing", "--leave-out", "bn.*", "--json", cwd=normalised.parent)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--loss 'nothing' must be finite on these weights; got nan" in refused.stderr
    # A flat loss has no ratio: null, for JSON has no word for NaN.
    flat = normalised.with_name("flat.py")
    flat.write_text(FLAT)
    text = run_here("measure", flat, "--samples", 2, "--json", cwd=flat.parent).stdout
    found = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert found["stationary_ratio"] is None
    assert found["answer"].startswith("The loss is flat")


def test_ctrl_c_says_so(run_here, tmp_path, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("plastodyn.app.doctor.diagnose", interrupted)
    found = run_here("doctor", cwd=tmp_path)
    assert (found.returncode, found.stderr.strip()) == (130, "plastodyn: interrupted")


def test_examples_stand_on_lines_of_their_own_and_shells_complete(run_here, tmp_path):
    said = run_here("certify", "--help", cwd=tmp_path).stdout.splitlines()
    examples = [line.strip() for line in said if line.strip().startswith("plastodyn certify ")]
    assert examples == ["plastodyn certify memory.toml --out proof.json", "plastodyn certify --recheck proof.json"]
    assert "--install-completion" in run_here("--help", cwd=tmp_path).stdout


def test_brackets_in_names_are_shown_as_they_are(quick_figure, run_here, tmp_path):
    quick_figure(True)
    assert "[/]" in run_here("reproduce", "alemi2024", "--out", "[/]", cwd=tmp_path).stdout


def test_nothing_but_the_answer_is_printed_where_nobody_watches(run_here, tmp_path):
    (tmp_path / "spec.toml").write_text("[consolidation]\nalpha = 0.5\nmu = 0.1\n")
    assert run_here("certify", "spec.toml", "--json", cwd=tmp_path).stderr == ""


@pytest.mark.parametrize(
    ("loss", "weights", "said"),
    [
        ("(w[0] - 1) ** 2 - w[1] ** 2 + w[1] ** 4", "[1.0, 0.0]", "not at a minimum (some curvatures are negative)"),
        ("jnp.sum(jnp.exp(-w))", "[1.0, 1.0]", "not at a minimum (gradient descent still has some way to go)"),
        ("jnp.sum((w - 1.0) ** 2) + 0.3", "[1.0, 1.0]", "Use the stationary ratio"),
    ],
)
def test_measure_says_where_its_ratios_do_not_hold(loss, weights, said, tmp_path, run_here):
    model = tmp_path / "model.py"
    model.write_text(f"import jax.numpy as jnp\nweights = jnp.array({weights})\ndef loss(w):\n    return {loss}\n")
    result = run_here("measure", model, "--samples", 4, "--json", cwd=tmp_path)
    assert result.returncode == 0
    assert said in json.loads(result.stdout)["answer"]


@pytest.mark.parametrize(("size", "warned"), [(0.01, False), (1.0, True)])
def test_measure_says_where_fluctuations_leave_the_parabola(size, warned, tmp_path, run_here):
    model = tmp_path / "model.py"
    model.write_text(
        "import jax.numpy as jnp\nprint('loaded')\nweights = jnp.ones(3)\n"
        "def loss(w):\n    x = jnp.sum((w - 1) ** 2)\n    return x + x**2\n"
    )
    result = run_here("measure", model, "--samples", 4, "--fluctuation", size, "--json", cwd=tmp_path)
    found = json.loads(result.stdout)
    # The second difference of s^2 + s^4 along any direction is 2 + 2 s^2.
    assert found["curvature_over_fluctuation"] == pytest.approx(2 + 2 * size**2, rel=1e-2)
    assert ("is not the parabola" in found["answer"]) == warned
    # What the model prints stays out of the JSON.
    assert result.stderr == "loaded\n"


@pytest.mark.parametrize("raised", ["Stop('a\\nb')", "GeneratorExit"])
def test_a_model_that_raises_what_is_no_exception_is_no_refutation(raised, tmp_path, run_here):
    model = tmp_path / "model.py"
    model.write_text(f"class Stop(BaseException):\n    pass\nraise {raised}\n")
    result = run_here("measure", model, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("plastodyn: MODEL")
    assert len(result.stderr.splitlines()) == 1
