"""The Lambda Runtime API, as far as a runtime needs it: one request after the other, and streamed answers.

http.client would do it, too, and take longer to import than everything else here together.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
"""

import json
import os
import socket
from binascii import b2a_base64  # base64 would import re and struct

ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
ERROR_BODY = "Lambda-Runtime-Function-Error-Body"


class Gone(Exception):
    """The Runtime API hung up."""


class RuntimeApi:
    """One connection, kept alive."""

    def __init__(self, address):
        self.address = address
        self.connect()

    def connect(self):
        host, _, port = self.address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")

    def close(self):
        self.reader.close()
        self.socket.close()

    def head(self, method, path, headers):
        lines = ["{} /2018-06-01/runtime/{} HTTP/1.1".format(method, path), "host: " + self.address]
        lines += ["{}: {}".format(name, value) for name, value in headers.items()]
        return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"

    def write(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Gone from error

    def send(self, method, path, body=b"", **headers):
        """A whole request and its answer: (headers, body)."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["content-length"] = len(body)
        try:
            self.write(self.head(method, path, headers) + body)
            return self.receive()
        except (Gone, OSError, ValueError):
            # It ends with the environment, and so does all that runs in it: threads do not keep it.
            os._exit(1)

    def receive(self):
        status = self.reader.readline().split(b" ")
        if len(status) < 2:
            raise Gone
        headers = {}
        while True:
            line = self.reader.readline().decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                break
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return headers, self.chunks()
        body = self.reader.read(int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            self.close()
            self.connect()
        return headers, body

    def chunks(self):
        parts = []
        while True:
            size = int(self.reader.readline().split(b";")[0], 16)
            if size == 0:
                break
            parts.append(self.reader.read(size))
            self.reader.readline()
        while self.reader.readline().strip():
            pass
        return b"".join(parts)

    def stream(self, path, content_type, chunks, describe):
        """Sends what the generator makes, at once; False when nobody takes it any more.

        What breaks off while they are made goes behind them: `describe` makes a document of an exception.
        """
        headers = {"content-type": content_type, "lambda-runtime-function-response-mode": "streaming"}
        headers.update({"transfer-encoding": "chunked", "trailer": ERROR_TYPE + ", " + ERROR_BODY})
        try:
            self.write(self.head("POST", path, headers))
            try:
                for chunk in chunks:
                    if chunk:
                        self.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                end = b"0\r\n\r\n"
            except Gone:
                raise
            except Exception as error:
                end = _trailers(describe(error))
            self.write(end)
            self.receive()
            return True
        except (Gone, OSError, ValueError):
            return False
        finally:
            try:
                chunks.close()
            except Exception:
                pass  # It was broken off, and what it says of that is of no use to anybody.
            # "Close the underlying connection after it has successfully written the response", says AWS.
            self.close()
            self.connect()


def _trailers(document):
    body = b2a_base64(json.dumps(document).encode(), newline=False).decode()
    kind = document["errorType"].encode("ascii", "replace").decode()
    return "0\r\n{}: {}\r\n{}: {}\r\n\r\n".format(ERROR_TYPE, kind, ERROR_BODY, body).encode()
