"""Reads an Iceberg table through a REST catalog with PyIceberg and prints what it found as JSON.

Usage: read_catalog.py <catalog properties as JSON> <table>
"""

import json
import sys

from pyiceberg.catalog import load_catalog


def main() -> None:
    catalog = load_catalog("k2", type="rest", **json.loads(sys.argv[1]))
    table = catalog.load_table(sys.argv[2])
    rows = table.scan(selected_fields=("message_id", "k2_partition", "k2_offset")).to_arrow()
    current = table.current_snapshot()
    result = {
        "location": table.location(),
        "snapshots": len(table.metadata.snapshots),
        "rows": rows.to_pylist(),
        "files": [task.file.file_path for task in table.scan().plan_files()],
        "total_records": current.summary["total-records"] if current else None,
    }
    json.dump(result, sys.stdout)


main()
