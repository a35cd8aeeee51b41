"""Bulk rows through COPY, which row-level security allows only into a temporary stage of the transaction's own."""

from collections.abc import Iterable, Sequence

from psycopg import sql
from sqlalchemy import Connection


def copy_rows(connection: Connection, stage: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows into a temporary table, in text form."""
    driver = connection.connection.driver_connection
    if driver is None:
        message = "the connection was closed while copying"
        raise RuntimeError(message)
    names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(stage), names)
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
