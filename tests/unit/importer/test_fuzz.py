"""Whatever the files contain, the import ends without an exception, and names every line that it did not understand."""

import string
from typing import Final

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hacluster.importer import Imported, Texts, import_files
from tests.unit.importer.helpers import LISTEN, ROUTER
from tests.unit.importer.test_tutorial import HAPROXY

_WORDS: Final = [
    *sorted({*HAPROXY.split(), *ROUTER.split(), *LISTEN.split()}),
    *(
        "frontend",
        "backend",
        "use_backend",
        "default_backend",
        "acl",
        "if",
        "unless",
        "or",
        "{",
        "}",
        "!",
        "hdr(host)",
        "path_beg",
        "src",
    ),
    *(
        "http-request",
        "set-header",
        "%[src]",
        "replace-path",
        "tcp-check",
        "send",
        "expect",
        "string",
        "from",
        "no",
        "option",
        "resolvers",
    ),
    *(
        "@node1",
        "$A=1",
        "$A",
        "include",
        "x",
        '"',
        "'",
        "\\",
        "#",
        "\0",
        "\x1b[31m",
        "\ud800",
        "-1",
        "99999999999",
        "/32",
        "::1",
        "[::]:80",
    ),
    *(
        "tcp-request",
        "connection",
        "reject",
        "track_process",
        "vrrp_track_process",
        "authentication",
        "auth_pass",
        "check-ssl",
        "port",
    ),
    *(
        "ssl",
        "crt",
        "/x.pem",
        "verify",
        "required",
        "ca-file",
        "sni",
        "str(a)",
        "verifyhost",
        "alpn",
        "h2",
        "ssl-min-ver",
        "no-tlsv13",
    ),
    *("redirect", "scheme", "https", "code", "301", "{", "ssl_fc", "}", "stats", "auth", "a:b", "force-tlsv12"),
    *(),
]
_TEXT: Final = st.one_of(
    st.text(max_size=200),
    st.text(alphabet=string.printable, max_size=400),
    st.lists(st.lists(st.sampled_from(_WORDS), max_size=8).map(" ".join), max_size=40).map("\n".join),
)


def _import(haproxy: str, keepalived: str, included: str = "") -> Imported:
    texts = Texts(
        haproxy=[("haproxy.cfg", haproxy)],
        keepalived=[("node1", "1.conf", keepalived), ("node2", "2.conf", keepalived)],
        include=lambda _file, _pattern: [("x.conf", included)] if included else None,
    )
    return import_files(texts, "web")


@settings(max_examples=150, deadline=None)
@given(haproxy=_TEXT, keepalived=_TEXT, included=_TEXT)
def test_any_text_ends_without_an_exception(haproxy: str, keepalived: str, included: str) -> None:
    imported = _import(haproxy, keepalived, included)
    assert "\n" not in "".join(f"{each}" for each in imported.findings)
    yaml.safe_dump(dict(imported.resource))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_usual_file_with_other_words_ends_without_an_exception(data: st.DataObject) -> None:
    def changed(text: str) -> str:
        words = text.split(" ")
        for position in data.draw(st.lists(st.integers(0, len(words) - 1), max_size=6)):
            words[position] = data.draw(st.sampled_from(_WORDS))
        return " ".join(words)

    imported = _import(changed(HAPROXY), changed(ROUTER))
    yaml.safe_dump(dict(imported.resource))


@settings(max_examples=100, deadline=None)
@given(position=st.integers(0, len(HAPROXY.splitlines()) - 1))
def test_a_line_that_nobody_knows_is_a_loss_wherever_it_is(position: int) -> None:
    found = HAPROXY.splitlines()
    found.insert(position, "    never-heard-of 1")
    imported = _import("\n".join(found), ROUTER)
    assert f"haproxy.cfg:{position + 1}: never-heard-of 1: " in "\n".join(str(each) for each in imported.findings)


@pytest.mark.parametrize(
    "text",
    [
        "\0" * 1000,
        "x" * 1_000_000,
        "a " * 300_000,
        "{" * 20_000,
        "}" * 20_000,
        "a {\n" * 5_000,
        '"' * 9_999,
        "listen a\n" * 2_000,
        "defaults a from b\n" * 2_000,
        "".join(f"defaults d{i} from d{i - 1}\n" for i in range(3_000)) + "listen x\n bind :1\n server a 1.1.1.1:1\n",
        "listen a\n bind " + ",".join(f":{port}" for port in range(1, 9_000)) + "\n server a 10.0.0.1\n",
        "listen a\n bind :80\n" + "server a 10.0.0.1:80 check\n" * 5_000,
        "frontend a\n bind :80\n mode http\n"
        + "use_backend b if { path_beg /x }\n" * 3_000
        + "backend b\n server a 10.0.0.1:80\n",
        "frontend a\n bind :80\n mode http\n use_backend b if " + "x or " * 3_000 + "x\nbackend b\n server a 10.0.0.1:80\n",
    ],
    ids=lambda text: f"{text[:12]!r}-{len(text)}",
)
def test_large_and_binary_files_end_soon(text: str) -> None:
    _import(text, "")
    _import("", text)
