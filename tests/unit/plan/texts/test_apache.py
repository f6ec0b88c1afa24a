"""The page replaces only its placeholders, and Apache listens only on the backend address."""

import pytest

from hacluster.nodeconfig import File
from tests.unit.plan.clusters import cluster, node, nodes, plan


def page(html: str | None, name: str = "n2", views: int = 3) -> str:
    return plan(cluster(apache={"page": html} if html is not None else {}), *nodes(views)).texts[name][File.PAGE]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h1>Đây là website từ Node {ordinal}</h1>", "<h1>Đây là website từ Node 2</h1>\n"),
        ("{node}/{ordinal}/{cluster}\n", "n2/2/web\n"),
        ("<style>p{color:red} a { node } {Node} {}</style>", "<style>p{color:red} a { node } {Node} {}</style>\n"),
        ("{{node}} {node.x} %s ${node}", "{n2} {node.x} %s $n2\n"),
        ("{cluster}{cluster}", "webweb\n"),
        ("", "\n"),
    ],
)
def test_only_the_three_placeholders_are_replaced(html: str, expected: str) -> None:
    assert page(html) == expected


def test_the_default_page_names_node_and_cluster() -> None:
    assert "web: this is n2" in page(None)


def test_replaced_values_are_escaped_as_html() -> None:
    """Kubernetes allows no such names, but the page must be safe without that."""
    from hacluster.plan import Participant
    from hacluster.plan.texts.apache import page as make_page

    made = make_page(cluster(apache={"page": "{node}"}), Participant("<b>&", 1, None))
    assert made == "&lt;b&gt;&amp;\n"


def test_ordinals_include_nodes_that_have_not_reported() -> None:
    from tests.unit.plan.clusters import unknown

    made = plan(cluster(apache={"page": "{ordinal}"}), unknown("a"), *nodes(1))
    assert made.texts["n1"][File.PAGE] == "2\n"


def test_apache_listens_on_the_backend_address_only() -> None:
    made = plan(cluster(backendNetwork="2001:db8::/64"), node("a", eth0=["192.0.2.1/24", "2001:db8::1/64"]))
    listens = [line for line in made.texts["a"][File.HTTPD].splitlines() if line.startswith("Listen")]
    assert listens == ["Listen [2001:db8::1]:8081"]


def test_content_of_the_user_replaces_the_page() -> None:
    made = plan(cluster(apache={"contentConfigMap": {"name": "site"}})).texts["n1"][File.HTTPD]
    assert "DocumentRoot /srv/hacluster/content" in made and "index.html$" not in made
