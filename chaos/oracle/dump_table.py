"""Writes the rows of an Iceberg table, read by PyIceberg, into one Parquet file, batch by batch.

Usage: dump_table.py <metadata file> <file>
       dump_table.py <catalog properties as JSON> <table> <file>

Each row carries the partition of the data file that holds it. Prints the snapshot's summary.
"""

import datetime
import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import load_catalog
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import StaticTable

EPOCH = datetime.date(1970, 1, 1)

COLUMNS = (
    "message_id",
    "symbol",
    "exchange",
    "timestamp",
    "price",
    "quantity",
    "source_sequence",
    "k2_partition",
    "k2_offset",
)


def main() -> None:
    *source, path = sys.argv[1:]
    if len(source) == 1:
        table = StaticTable.from_metadata(source[0])
    else:
        table = load_catalog("oracle", **json.loads(source[0])).load_table(source[1])
    scan = table.scan(selected_fields=COLUMNS)
    spec_names = [field.name for field in table.spec().fields]
    writer = None
    rows = 0
    for task in scan.plan_files():
        partition = {name: task.file.partition[at] for at, name in enumerate(spec_names)}
        reader = ArrowScan(table.metadata, table.io, scan.projection(), AlwaysTrue())
        for batch in reader.to_record_batches([task]):
            found = pa.Table.from_batches([batch]).select(list(COLUMNS))
            count = found.num_rows
            exchange = pa.array([partition.get("exchange")] * count, pa.string())
            day = pa.array([days(partition.get("timestamp_day"))] * count, pa.int32())
            found = found.append_column("file_exchange", exchange).append_column("file_day", day)
            fields = [
                pa.field(field.name, plain(field.type)) for field in found.schema
            ]
            found = found.cast(pa.schema(fields))
            writer = writer or pq.ParquetWriter(path, found.schema)
            writer.write_table(found)
            rows += count
    if writer is not None:
        writer.close()
    snapshot = table.current_snapshot()
    summary = {} if snapshot is None else dict(snapshot.summary.additional_properties)
    json.dump({"rows": rows, "summary": summary}, sys.stdout)


def days(value):
    return (value - EPOCH).days if isinstance(value, datetime.date) else value


def plain(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_large_string(kind) else kind


main()
