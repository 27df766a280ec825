"""Answers queries over an Iceberg table with PyIceberg and DuckDB, as one does in Python.

Usage: pyiceberg_queries.py <metadata file>

Lines in, JSON: {"symbols": […], "from_us": …, "limit": …}, the first two may be absent. Lines out,
JSON: first {"rows": …}, how many the table has; then for each line the milliseconds and what was
found, newest first. PyIceberg plans and reads what its filter lets it, all columns, and DuckDB
sorts and cuts.
"""

import json
import sys
import time
from datetime import datetime, timedelta, timezone

import duckdb
from pyiceberg.expressions import AlwaysTrue, And, GreaterThanOrEqual, In
from pyiceberg.table import StaticTable

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
ORDER = '"timestamp" DESC, symbol, source_sequence DESC NULLS LAST, message_id'


def filter_of(question):
    condition = AlwaysTrue()
    if "symbols" in question:
        condition = And(condition, In("symbol", question["symbols"]))
    if "from_us" in question:
        since = EPOCH + timedelta(microseconds=question["from_us"])
        condition = And(condition, GreaterThanOrEqual("timestamp", since.isoformat()))
    return condition


def answer(table, connection, question):
    started = time.perf_counter()
    rows = table.scan(row_filter=filter_of(question)).to_arrow()
    connection.register("found", rows)
    newest = connection.execute(
        f"SELECT * FROM found ORDER BY {ORDER} LIMIT {question['limit']}"
    ).fetch_arrow_table()
    took_ms = (time.perf_counter() - started) * 1000
    connection.register("newest", newest)
    lines = connection.execute(
        "SELECT concat_ws(' ', message_id, epoch_us(\"timestamp\"), price, quantity)"
        f" FROM newest ORDER BY {ORDER}"
    ).fetchall()
    return {"tookMs": took_ms, "lines": [line for (line,) in lines]}


def say(value):
    print(json.dumps(value), flush=True)


def main():
    table = StaticTable.from_metadata(sys.argv[1])
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    say({"rows": table.scan().count()})
    for line in sys.stdin:
        say(answer(table, connection, json.loads(line)))


main()
