# SPDX-License-Identifier: Apache-2.0
"""A small JSON service: items in sqlite, a checksum by a child process, a health page."""
import grp
import json
import os
import pwd
import signal
import sqlite3
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RUN = "/run/whittle-sample-python"
DATABASE = RUN + "/data/items.db"


def drop_privileges(user, group):
    os.setgroups([])
    os.setgid(grp.getgrnam(group).gr_gid)
    os.setuid(pwd.getpwnam(user).pw_uid)


def database():
    return sqlite3.connect(DATABASE, timeout=10)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer is one packet: without a buffer, head and body would wait for each other.
    wbufsize = -1
    disable_nagle_algorithm = True

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_GET(self):
        if self.path == "/":
            self.answer(200, {"service": "whittle sample"})
        elif self.path == "/items":
            with database() as db:
                rows = db.execute("SELECT id, text FROM item ORDER BY id LIMIT 100").fetchall()
            self.answer(200, [{"id": row[0], "text": row[1]} for row in rows])
        else:
            self.answer(404, {"error": "no such page"})

    def do_POST(self):
        data = self.body()
        if self.path == "/items":
            with database() as db:
                key = db.execute("INSERT INTO item(text) VALUES(?)", (data.decode(),)).lastrowid
            self.answer(201, {"id": key})
        elif self.path == "/checksum":
            done = subprocess.run(["/usr/bin/sha256sum"], input=data, capture_output=True, check=True)
            self.answer(200, {"sha256": done.stdout.split()[0].decode()})
        else:
            self.answer(404, {"error": "no such page"})

    def do_DELETE(self):
        with database() as db:
            gone = db.execute("DELETE FROM item").rowcount
        self.answer(200, {"deleted": gone})

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # A client that goes away in the middle of an answer is no news.
    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, BrokenPipeError)):
            super().handle_error(request, client_address)


def main():
    server = Server(("127.0.0.1", 8000), Handler)
    drop_privileges("nobody", "nogroup")
    with database() as db:
        db.execute("CREATE TABLE IF NOT EXISTS item(id INTEGER PRIMARY KEY, text TEXT)")

    def stop(*_):
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    server.serve_forever(poll_interval=0.5)
    server.server_close()


main()
