"""Runs inside a node's container: pods of a Service on 127.0.1.1, 127.0.1.2, … port 8080, and the Service's objects for the agent.

inside_services.py serve COUNT              the pods; each answers with its address, after the seconds in the query (`/?2`)
inside_services.py pod ADDRESS              a single pod, on another host
inside_services.py put SERVICE              writes the objects; SERVICE is JSON: see `objects`
inside_services.py effect SERVICE ADDRESS   writes them, and prints the milliseconds until a request is answered by the pod, or `late`
inside_services.py unused SERVICE ADDRESS   writes them, and prints the milliseconds until the last answer of the pod within two seconds
inside_services.py answers COUNT            prints who answered so many requests, each on a connection of its own
inside_services.py slow SERVICE             asks for an answer that takes two seconds, writes the objects meanwhile, and prints the answer
inside_services.py roll COUNT               replaces COUNT pods one after the other, as a Deployment does, and prints the pods afterwards
"""

import http.client
import http.server
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

OBJECTS = Path("/run/hacluster/service-objects.json")
PORT = 8080
CONTROL = 9999
ENDING = 0.3
"""Seconds from the end of a pod's readiness to the end of the pod."""


def address(number: int) -> str:
    """The address of a pod."""
    return f"127.0.1.{number}"


class Pod(http.server.BaseHTTPRequestHandler):
    """Answers with the address of the pod."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The answer."""
        _, _, seconds = self.path.partition("?")
        time.sleep(float(seconds or 0))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.server_address[0])))
        self.end_headers()
        self.wfile.write(self.server.server_address[0].encode())

    def do_OPTIONS(self) -> None:
        """HAProxy's check."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Writes no log."""


class Server(http.server.ThreadingHTTPServer):
    """A pod's server."""

    daemon_threads = True
    request_queue_size = 128


def serve(count: str) -> str:
    """Runs the pods. A request to the control port, such as `/stop/3`, ends one."""
    pods = {number: Server((address(number), PORT), Pod) for number in range(1, int(count) + 1)}
    for each in pods.values():
        threading.Thread(target=each.serve_forever, args=(0.05,), daemon=True).start()

    class Control(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pod = pods[int(self.path.rpartition("/")[2])]
            pod.shutdown()
            pod.server_close()
            self.send_response(200)
            self.end_headers()

    Server(("127.0.0.1", CONTROL), Control).serve_forever()
    return ""


def pod(place: str) -> str:
    """Runs one pod at this address."""
    Server((place, PORT), Pod).serve_forever(0.05)
    return ""


def objects(service: dict[str, Any]) -> str:
    """The text of the file: Service `shop`, port 80, with these `ready` and `ending` pods; without them, no Service.

    The first three pods are on node1. `elsewhere`: ready pods at other addresses, each with its node.
    """
    items: list[dict[str, Any]] = []
    if service:
        ready, ending = {"ready": True}, {"ready": False, "serving": True, "terminating": True}
        pods = [(address(each), "node1" if each < 4 else "node2", ready) for each in service.get("ready", ())]
        pods += [(address(each), "node1" if each < 4 else "node2", ending) for each in service.get("ending", ())]
        pods += [(place, node, ready) for place, node in service.get("elsewhere", {}).items()]
        items = [
            {"kind": "Service", "metadata": {"name": "shop"}, "spec": {"ports": [{"name": "http", "port": 80}]}},
            {
                "kind": "EndpointSlice",
                "metadata": {"name": "shop-1", "labels": {"kubernetes.io/service-name": "shop"}},
                "addressType": "IPv4",
                "ports": [{"name": "http", "port": PORT}],
                "endpoints": [{"addresses": [place], "nodeName": node, "conditions": each} for place, node, each in pods],
            },
        ]
    return json.dumps({"items": items})


def put(service: str) -> str:
    """Replaces the file."""
    new = OBJECTS.with_suffix(".new")
    new.write_text(objects(json.loads(service)))
    new.replace(OBJECTS)
    return ""


def ask(path: str = "/") -> str:
    """Who answers a request to HAProxy; what went wrong otherwise."""
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        return text if answer.status == 200 else f"status {answer.status}"
    except OSError as error:
        return f"{type(error).__name__}"
    finally:
        connection.close()


def effect(service: str, wanted: str) -> str:
    """Milliseconds until the pod answers."""
    put(service)
    started = time.monotonic()
    while ask() != wanted:
        if time.monotonic() - started > 5:
            return "late"
    return str((time.monotonic() - started) * 1000)


def unused(service: str, unwanted: str) -> str:
    """Milliseconds until the pod answered for the last time."""
    put(service)
    started = last = time.monotonic()
    while time.monotonic() - started < 2:
        last = time.monotonic() if ask() == unwanted else last
    return str((last - started) * 1000)


def answers(count: str) -> str:
    """Who answered."""
    return json.dumps([ask() for _ in range(int(count))])


def slow(service: str) -> str:
    """The answer to a request that was under way when its pod went."""
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(ask("/?2")))
    thread.start()
    time.sleep(0.5)
    put(service)
    thread.join()
    return found[0]


def roll(count: str) -> str:
    """Pods 1 … COUNT are replaced by COUNT + 1 … 2 COUNT: a new one is ready, an old one ends, is gone, and its server stops."""
    ready = list(range(1, int(count) + 1))
    for number in range(1, int(count) + 1):
        ready.append(int(count) + number)
        put(json.dumps({"ready": ready}))
        time.sleep(0.05)
        ready.remove(number)
        put(json.dumps({"ready": ready, "ending": [number]}))
        time.sleep(ENDING)
        put(json.dumps({"ready": ready}))
        control = http.client.HTTPConnection("127.0.0.1", CONTROL, timeout=5)
        control.request("GET", f"/stop/{number}")
        control.getresponse().read()
        control.close()
    return json.dumps([address(number) for number in ready])


COMMANDS = {each.__name__: each for each in (serve, pod, put, effect, unused, answers, slow, roll)}

if __name__ == "__main__":
    print(COMMANDS[sys.argv[1]](*sys.argv[2:]), flush=True)
