"""One process at a time has the right to run; others follow it, and none waits for another user's."""

import asyncio
import os
import socket
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from hacluster import names
from hacluster.agent.system import only_one
from hacluster.agent.system.only_one import NotAnAgent, OnlyOne


@pytest.fixture
def name() -> str:
    return f"hacluster.dev/test/{uuid.uuid4().hex}"


@pytest.fixture
async def first(name: str) -> AsyncIterator[OnlyOne]:
    """Has the right, and serves."""
    made = OnlyOne(name)
    assert made.take()
    task = asyncio.create_task(made.serve())
    await asyncio.sleep(0)
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    made.close()


@pytest.fixture
def second(name: str) -> Iterator[OnlyOne]:
    made = OnlyOne(name)
    yield made
    made.close()


def test_one_takes_it_and_the_next_gets_it_when_it_is_given_away(name: str, second: OnlyOne) -> None:
    one = OnlyOne(name)
    assert one.take() and one.take() and one.taken
    assert not second.take() and not second.taken
    one.close()
    assert second.take()


async def test_who_follows_gets_the_last_line_and_each_new_one_until_the_end(first: OnlyOne, second: OnlyOne) -> None:
    first.publish("one")
    lines = second.follow()
    assert await anext(lines) == "one\n"
    first.publish("two")
    assert await anext(lines) == "two\n"
    await lines.aclose()


async def test_the_right_stays_while_the_server_is_restarted(name: str, second: OnlyOne) -> None:
    one = OnlyOne(name)
    one.take()
    task = asyncio.create_task(one.serve())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not second.take()
    one.close()


async def test_another_users_socket_is_not_followed(first: OnlyOne, second: OnlyOne, monkeypatch: pytest.MonkeyPatch) -> None:
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    first.publish("secret")
    with pytest.raises(NotAnAgent, match=f"id {user}"):
        await anext(second.follow())


async def test_another_user_who_follows_gets_nothing(name: str, first: OnlyOne, monkeypatch: pytest.MonkeyPatch) -> None:
    user = os.geteuid()
    first.publish("line")
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    reader, writer = await asyncio.open_unix_connection(f"\0{name}")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_a_socket_on_which_nobody_listens_is_not_waited_for(
    name: str, second: OnlyOne, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(only_one, "_PAUSE", 0.01)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(f"\0{name}")
        with pytest.raises(NotAnAgent, match="does not answer"):
            await anext(second.follow())


def test_the_longest_name_of_a_resource_fits_into_an_address() -> None:
    found = names.only_one("n" * 63, "c" * names.MAX_CLUSTER_NAME)
    other = names.only_one("n" * 63, "c" * (names.MAX_CLUSTER_NAME - 1) + "d")
    one = OnlyOne(found)
    assert one.take() and found != other
    one.close()
