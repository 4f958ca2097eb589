"""What a receiver that was taken over could do: write any row, and give an order.

Fed to Python as the receiver's user: `python -I - DATABASE APP RELEASE [SQL ...]`. It runs the
SQL, then orders a rollback to RELEASE unless that is 0, and prints the id of the order.
"""

import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from deployer.ports import Order
from deployer.stores.sqlite import SQLiteStore

path, app, release, statements = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
    for statement in statements:
        connection.execute(statement)
store = SQLiteStore(Path(path))
if release:
    print(store.give(Order(0, "rollback", app, "the forger", time.time(), release=release)))
store.close()
