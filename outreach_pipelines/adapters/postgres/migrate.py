"""Bringing a database to this version of the code: migrations once, functions each time.

Belongs here: applying them. Does not: roles and databases (bootstrap.py), since those belong to the cluster.
"""

from pathlib import Path

from alembic import command, op
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from outreach_pipelines.adapters.postgres.free_mail_function import free_mail_function

HERE = Path(__file__).parent


def migrate(url: str, *, to: str = "head") -> None:
    """Upgrade the database at `url` (the migration role's) to the newest schema and functions, in one transaction.

    Running it again changes nothing. Two at once wait for each other. `to` may name an older revision: its schema alone.
    """
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(hashtextextended('outreach migrate', 0))"))
            connection.execute(text("set local role outreach_owner"))
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(HERE / "migrations").replace("%", "%%"))
            command.upgrade(config, to)
            for path in sorted((HERE / "functions").glob("*.sql")) if to == "head" else ():
                _run_sql(connection, path)
            if to == "head":
                _run(connection, free_mail_function())
    finally:
        engine.dispose()


def run_sql_beside(migration_file: str) -> None:
    """Run the .sql file that stands beside an Alembic version."""
    _run_sql(op.get_bind(), Path(migration_file).with_suffix(".sql"))


def _run_sql(connection: Connection, path: Path) -> None:
    _run(connection, path.read_text(encoding="utf-8"))


def _run(connection: Connection, script: str) -> None:
    # The driver itself, because a script of several statements may not carry even an empty list of parameters.
    driver = connection.connection.driver_connection
    if driver is None:
        message = "the connection was closed while migrating"
        raise RuntimeError(message)
    driver.execute(script)
