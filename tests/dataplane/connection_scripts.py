"""The client's side of single connections: scripts (Python texts) that run in the client's network namespace.

Their arguments are the virtual IP, the port, and what each one's comment says. `packets.py` and `leaving.py` run them.
"""

CLIENT = r"""
import socket, subprocess, sys, time
ADDRESS, PORT = sys.argv[1], int(sys.argv[2])
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
def request_move(command):
    print(command, flush=True)
    sys.stdin.readline()
def receive(connection, within):
    connection.settimeout(within)
    try:
        return "answered" if connection.recv(65536).startswith(b"HTTP/1.1 200") else "closed"
    except TimeoutError:
        return "silence"
    except OSError as error:
        return type(error).__name__
connection = socket.socket(socket.AF_INET6 if ":" in ADDRESS else socket.AF_INET)
connection.settimeout(3)
"""

# For one request, the client's neighbour table says that the virtual IP is at another node, as when gratuitous ARP packets of two nodes
# cross. Prints the answers before, during and after that.
WRONG_NODE = (
    CLIENT
    + r"""
INTERFACE, MAC = sys.argv[3:]
connection.connect((ADDRESS, PORT))
connection.sendall(REQUEST)
before = receive(connection, 3)
subprocess.run(["ip", "neighbour", "replace", ADDRESS, "dev", INTERFACE, "lladdr", MAC, "nud", "permanent"], check=True)
connection.sendall(REQUEST)
during = receive(connection, 0.5)
subprocess.run(["ip", "neighbour", "delete", ADDRESS, "dev", INTERFACE], check=True)
print(before, during, receive(connection, 5) if during == "silence" else "-", flush=True)
"""
)

# Two nodes have the virtual IP. The client connects to one of them, and sends its next request to the other.
TWO_HOLDERS = (
    CLIENT
    + r"""
INTERFACE, *MACS = sys.argv[3:]
answers = []
for mac in MACS:
    subprocess.run(["ip", "neighbour", "replace", ADDRESS, "dev", INTERFACE, "lladdr", mac, "nud", "permanent"], check=True)
    if not answers:
        connection.connect((ADDRESS, PORT))
    connection.sendall(REQUEST)
    answers.append(receive(connection, 3))
subprocess.run(["ip", "neighbour", "delete", ADDRESS, "dev", INTERFACE], check=True)
print(*answers, flush=True)
"""
)

# One holder answers the SYN. The packet that completes the handshake is dropped on the way (by the client's own nftables rule), until
# what the arguments say has happened: commands before the connection, commands while it is half open, and
# the seconds in which the answer has to arrive.
HALF_OPEN = (
    CLIENT
    + r"""
def nft(text):
    subprocess.run(["nft", text], check=True)
for command in sys.argv[3].split():
    request_move(command)
nft("add table inet held; add chain inet held out { type filter hook output priority 0; }; "
    f"add rule inet held out tcp dport {PORT} tcp flags & (syn | rst) == 0 drop")
connection.connect((ADDRESS, PORT))
for command in sys.argv[4].split():
    request_move(command)
nft("delete table inet held")
connection.sendall(REQUEST)
print(receive(connection, float(sys.argv[5])), flush=True)
"""
)

# The client uses the same port twice: first for a connection to one holder, which ended, then for one to another holder. When the
# first holder has the virtual IP again, it has to pass the packets of the second connection on.
REUSED = (
    CLIENT
    + r"""
def connect_from_port():
    opened = socket.socket(connection.family)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind(("::" if ":" in ADDRESS else "", 40404))
    opened.settimeout(3)
    opened.connect((ADDRESS, PORT))
    return opened
request_move("away")
with connect_from_port() as first:
    first.sendall(REQUEST.replace(b"Host", b"Connection: close\r\nHost"))
    while first.recv(65536):
        pass
request_move("back")
second = connect_from_port()
second.sendall(REQUEST)
before = receive(second, 3)
for command in sys.argv[3].split():
    request_move(command)
time.sleep(float(sys.argv[4]))
for command in sys.argv[5].split():
    request_move(command)
second.sendall(REQUEST)
print(before, receive(second, float(sys.argv[6])), flush=True)
"""
)
