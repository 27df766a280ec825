"""Appends batches of rows to an Iceberg table through PyIceberg, as often as it is asked to.

Usage: pyiceberg_appends.py <metadata file> <folder>

The batches are the data files of the newest snapshot of the table of that metadata file, in the
order of their commits; the table in <folder>, in an SQLite catalog, gets its schema, partitioning
and sort order. Lines in: `append N` appends the next N batches, `check` counts. Lines out, JSON:
first the number of batches and their rows, then the milliseconds of each append, or the rows and
snapshots that the table has. What the appends left unsynced is written before the answer, so that
nobody who measures afterwards waits for it.
"""

import json
import os
import sys
import time
from pathlib import Path

import pyarrow.parquet as parquet
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import StaticTable


def batches_of(source):
    """One Arrow table per data file, oldest commit first."""
    entries = source.inspect.entries().to_pylist()
    entries.sort(key=lambda entry: entry["sequence_number"])
    schema = source.schema().as_arrow()
    paths = [entry["data_file"]["file_path"].removeprefix("file://") for entry in entries]
    return [parquet.read_table(path, partitioning=None).cast(schema) for path in paths]


def create(source, folder):
    folder.mkdir(parents=True, exist_ok=True)
    catalog = SqlCatalog(
        "bench", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/warehouse"
    )
    catalog.create_namespace("market")
    return catalog.create_table(
        "market.trades",
        schema=source.schema(),
        partition_spec=source.spec(),
        sort_order=source.sort_order(),
    )


def say(value):
    print(json.dumps(value), flush=True)


def main():
    source = StaticTable.from_metadata(sys.argv[1])
    table = create(source, Path(sys.argv[2]))
    batches = batches_of(source)
    say({"batches": len(batches), "rows": [batch.num_rows for batch in batches]})
    following = iter(batches)
    for line in sys.stdin:
        command, *counts = line.split()
        if command == "append":
            took_ms = []
            for _ in range(int(counts[0])):
                batch = next(following)
                started = time.perf_counter()
                table.append(batch)
                took_ms.append((time.perf_counter() - started) * 1000)
            os.sync()
            say(took_ms)
        else:
            say({"rows": table.scan().count(), "snapshots": len(table.snapshots())})


main()
