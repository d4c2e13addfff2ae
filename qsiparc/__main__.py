"""``python -m qsiparc`` is the command `qsiparc`."""

from qsiparc.cli import main

if __name__ == "__main__":
    main(prog_name="python -m qsiparc")
