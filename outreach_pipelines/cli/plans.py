"""`outreach plan ...`: which command is called how. What each does stands in a file of its own kind."""

import typer

from outreach_pipelines.cli import plan_files, plan_futures, plan_judging, plan_pages, plan_views, pre_flight

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Plans: made, looked at, explained, checked, compared."""


app.command("compute")(plan_files.compute)
app.command("check")(plan_judging.check)
app.command("schemas")(plan_files.write_schemas)
app.command("show")(plan_views.show)
app.command("why")(plan_views.why)
app.command("diff")(plan_views.diff)
app.command("bound")(plan_futures.bound)
app.command("forecast")(plan_futures.show_forecast)
app.command("what-if")(plan_futures.what_if)
app.command("simulate")(plan_futures.show_simulation)
app.command("page")(plan_pages.page)
app.command("preflight")(pre_flight.pre_flight)
