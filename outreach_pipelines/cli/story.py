"""A story on the terminal.

Belongs here: layout. Does not: what is told (`application.explain`).
"""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from outreach_pipelines.application.explain import Chapter, Story

_TWO_CLOCKS = "Policy time is stepped here: dates of sends are its, dates of files and plans are the machine's."


def print_story(story: Story, console: Console) -> None:
    """The chapters in order, each with its details below; one line when nothing is on record."""
    if not story.chapters:
        console.print(Text(f"Nothing is on record about {story.about}."))
        return
    # Text, not markup: diagnostics and replies are strangers' words.
    table = Table(title=Text(f"The story of {story.about}"), show_header=False, box=None, pad_edge=False)
    table.add_column("at", no_wrap=True, style="dim")
    table.add_column("heading", no_wrap=True, style="bold")
    table.add_column("sentence", overflow="fold")
    for chapter in story.chapters:
        table.add_row(f"{chapter.at:%Y-%m-%d %H:%M:%S}", chapter.heading.value, _told(chapter))
    console.print(table)
    if story.stepped:
        console.print(Text(_TWO_CLOCKS, style="dim"))


def _told(chapter: Chapter) -> Text:
    text = Text(_printable(chapter.sentence))
    for line in chapter.detail:
        text.append(f"\n  {_printable(line)}", style="dim")
    return text


def _printable(line: str) -> str:
    # A reply or a diagnostic must not steer the terminal it is shown on.
    return "".join(sign if sign.isprintable() else " " for sign in line)
