"""Documents that tests start from."""

SWEET_SPOT = """title = "Sweet spot of plasticity"     # optional
seed = 2021

[constants]
size = 0.02

[circuit]
name = "student_teacher"
widths = [4, 3, 2]
hidden = "= nonlinearity"
inputs = 40

[[rule]]
name = "noisy_gradient"
rate = "= ratio * size * sqrt(number_of_weights)"
precision = "= precision"

[[fluctuation]]
name = "white"
rate = "= size * sqrt(number_of_weights)"

[axes]
ratio = { from = 0.1, to = 1.0, by = 0.3 }
precision = [1, 5]
network = { seeds = 2 }
nonlinearity = ["tanh", "sigmoid"]

[run]
steps = 20
replicas = 2

[record]
loss = { start = -11, every = 1, keep = "mean" }
late = { function = "loss", every = 5 }

[analysis.curvatures]
function = "measure.hessian_eigenvalues"
loss = "@circuit.loss_at"
weights = "@circuit.teacher"
keep = false

[analysis.theory]
function = "theory.ratio.stationary_loss"
eigenvalues = "@curvatures"
plasticity = "= ratio * size * sqrt(number_of_weights)"
fluctuation = "= size * sqrt(number_of_weights)"
precision = "= precision"
beside = "loss"
units = "loss"
"""

TRACKING = """
[circuit]
name = "tracking"
weights = [0.3, -0.2]
[rule]
name = "early"
rate = {rate}
[axes]
{axes}
[run]
steps = 5
replicas = 2
{rest}
"""
