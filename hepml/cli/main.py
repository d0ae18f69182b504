"""The command ``hepml``: its verbs, loaded when they are called, and what happens to errors."""

from __future__ import annotations

import importlib
import io
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from hepml.cli.interruption import keep_interruptions
from hepml.errors import HepmlError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

# verb -> one line of help; the module of that name is imported only when the verb is called
_VERBS = {
    "apply": "Score ROOT files with a trained model, one friend file each.",
    "compare": "Put runs, TMVA.root files and models side by side on the same events.",
    "convert": "Write a model for TMVA, XGBoost, ONNX, C++, C or Python.",
    "doctor": "Say which engines, extras and schedulers are there.",
    "evaluate": "Evaluate the models of a run again.",
    "gan": "Simulate showers in calorimeters.",
    "inspect": "Show what a ROOT file holds.",
    "report": "Make the report of a run again.",
    "skim": "Write what an analysis selects to a smaller ROOT file.",
    "train": "Read, prepare, train, evaluate and report.",
}

EXIT_FAILED = 1
EXIT_USAGE = 2
_EXIT_INTERRUPTED = 130


class _Verbs(click.Group):
    """A group that knows its commands' names and help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (the signature is click's)
        return sorted(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            from hepml.errors import did_you_mean

            ctx.fail(
                f"no such command {cmd_name!r}{did_you_mean(cmd_name, _VERBS)} (commands: {', '.join(sorted(_VERBS))})"
            )
        return getattr(importlib.import_module(f"hepml.cli.{cmd_name}"), cmd_name)  # type: ignore[no-any-return]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _VERBS[name]) for name in self.list_commands(ctx)])


def _version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        import hepml

        click.echo(f"hepml {hepml.__version__}")
        ctx.exit()


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("-v", "--verbose", is_flag=True, help="Show what is being done.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def _group(*, debug: bool, verbose: bool) -> None:  # noqa: ARG001  (main looks for --debug itself)
    """From ROOT trees to a checked, deployable classifier."""
    handler = logging.StreamHandler(sys.stderr)
    # the handler's own level: a run lowers the logger's to fill its log.txt
    handler.setLevel(logging.INFO if verbose else logging.WARNING)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.getLogger("hepml").addHandler(handler)
    logging.getLogger("hepml").setLevel(logging.INFO)


def main(args: Sequence[str] | None = None, **extra: Any) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage.

    Parameters
    ----------
    args : sequence of str, optional
        Arguments. Default: those of the process.
    **extra
        Passed to click, e.g. ``prog_name``.
    """
    given = list(sys.argv[1:] if args is None else args)
    debug = "--debug" in given
    if debug:
        # users add it at the end of the command that failed
        given = ["--debug", *(argument for argument in given if argument != "--debug")]
    _print_whatever_the_locale()
    # a batch system's TERM must run the same clean-up as Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    keep_interruptions()
    try:
        code = _group.main(args=given, standalone_mode=False, **{"prog_name": "hepml", **extra})
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = _EXIT_INTERRUPTED
    except HepmlError as error:
        if debug:
            raise
        click.echo(f"error: {error}", err=True)
        code = EXIT_FAILED
    except BrokenPipeError:
        # the reader of a pipe (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_FAILED
    except Exception as error:
        if debug:
            raise
        click.echo(
            f"error: {type(error).__name__}: {error}\nThis should not happen: please report it with the output of "
            f"the same command after `hepml --debug`.",
            err=True,
        )
        code = EXIT_FAILED
    sys.exit(code if isinstance(code, int) else 0)


def _print_whatever_the_locale() -> None:
    """Let a title that the terminal's encoding lacks cost a question mark, not the result of a long run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")
