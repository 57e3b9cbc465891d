"""`python -m plastodyn`: the ``plastodyn`` command of this very interpreter, as jobs on a cluster call it."""

from plastodyn.app.cli import run

if __name__ == "__main__":
    run()
