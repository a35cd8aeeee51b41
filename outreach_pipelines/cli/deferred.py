"""Commands whose code is loaded when they are called: `outreach --help` and the light commands load none of the heavy ones' libraries.

Belongs here: how a name becomes its command. Does not: which commands there are (`main`).
"""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand


class DeferredCommand(TyperCommand):
    """Stands in a group under `name` with its `summary`; `place` is where the real one is: a function or a Typer app, `module:attribute`."""

    def __init__(self, name: str, place: str, summary: str) -> None:
        super().__init__(name, help=summary)
        self._place = place

    # Neither contexts nor what groups and commands share has a public type in Typer.
    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The real command's context, which names the real command as the one to invoke."""
        return self.load().make_context(info_name, args, parent, **extra)

    def load(self) -> Any:
        """The real command, or group of commands."""
        module, _, attribute = self._place.partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        alone = typer.Typer(add_completion=False)
        alone.command()(found)
        return typer.main.get_command(alone)
