"""Run the command line as ``python -m hepml``."""

from hepml.cli.main import main

main(prog_name="hepml")
