"""The panels of figures 4D and 4E: what integrators do in the plane of both sites, in time, and when one is inactivated."""

import xarray as xr

from plastodyn.figures import Curve, Panel, style

_SHOWN = 20
"""At most so many integrators are drawn."""
_THIN = {"lw": 0.7, "color": style.SIMULATION}


def plane(run: xr.Dataset) -> Panel:
    """Both sites of every integrator, and where they are tuned together."""
    paths = _of_each("seeds", run.feedback, run.eigenvalue)
    ends = [float(run.feedback.min()), float(run.feedback.max())]
    tuned = Curve("tuned: they add up to 1", ends, [1 - x for x in ends], look={"color": style.THEORY, "ls": "--"})
    early, late = r"feedback through the cerebellum $w_{PC}\cdot v$", r"leading eigenvalue of $\Omega$"
    return Panel("weights of 20 integrators", early, late, [*paths, tuned])


def times(run: xr.Dataset) -> Panel:
    """Both sites of one integrator in time."""
    curves = [
        Curve("feedback through the cerebellum", run.time, run.feedback[0], look={"color": style.CONTRAST}),
        Curve("leading eigenvalue", run.time, run.eigenvalue[0], look={"color": style.SIMULATION}),
    ]
    return Panel("one integrator", "time (s)", "strength", curves)


def gain_error(run: xr.Dataset, inactivations: tuple[float, ...] = ()) -> Panel:
    """What both sites lack together, and when the cerebellum is inactivated."""
    error = 1 - run.feedback - run.eigenvalue
    span = [float(error.min()), float(error.max())]
    lines = [Curve(f"{at:g} s", [at] * 2, span, look={"color": "0.4", "ls": "--"}) for at in inactivations]
    curves = [*_of_each("seeds", run.time, error), *lines]
    return Panel("above 0 leaky, below 0 unstable", "time (s)", "gain error", curves)


def fixations(data: xr.Dataset) -> Panel:
    """Eye position after the cerebellum is inactivated, early and late in learning."""
    curves = []
    for name, label, colour in (("early", "at 60 s", style.THEORY), ("late", "at 1500 s", style.GREEDY)):
        eyes = data.fixation_eye.sel(inactivated=name)
        relative = eyes / eyes.isel(fixation=0)
        curves += _of_each(f"inactivated {label}", data.fixation, relative, {"lw": 0.7, "color": colour})
    return Panel("cerebellum inactivated", "time of fixation (s)", "eye position (relative)", curves)


def _of_each(label: str, x: xr.DataArray, y: xr.DataArray, look: dict[str, object] = _THIN) -> list[Curve]:
    """A curve for each integrator, the first one labelled."""
    return [
        Curve(label if i == 0 else "_", x.isel(replica=i) if "replica" in x.dims else x, y[i], look=look)
        for i in range(min(_SHOWN, y.sizes["replica"]))
    ]
