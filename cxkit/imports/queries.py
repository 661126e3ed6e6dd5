"""Runs the statements of one `.sql` file of this folder, with its values bound."""

from pathlib import Path
from typing import Any

import duckdb

_HERE = Path(__file__).parent


def run(connection: duckdb.DuckDBPyConnection, name: str, **values: Any) -> None:
    """Run the file called `name`; each statement takes the values that it names."""
    for statement in (_HERE / name).read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            bound = {key: item for key, item in values.items() if f"${key}" in statement}
            connection.execute(statement, bound or None).fetchall()
