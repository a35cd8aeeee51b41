"""The console script: commands that need neither database nor settings start without loading what the others need."""

import sys

LIGHT_COMMANDS = ("classify",)


def main() -> None:
    """`outreach ARGUMENTS`."""
    if sys.argv[1:2] and sys.argv[1] in LIGHT_COMMANDS:
        _run_light()
        return
    from outreach_pipelines.cli.main import main as run

    run()


def _run_light() -> None:
    import typer

    from outreach_pipelines.cli.classify import classify

    light = typer.Typer(name="outreach", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    light.command("classify")(classify)
    light.callback()(_group)
    light()


def _group() -> None:
    """E-mail outreach: never twice, never lost, every send explained."""


if __name__ == "__main__":
    main()
