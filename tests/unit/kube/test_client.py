"""An operator that does not lead sends no write, whatever asked for it."""

from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.aio.client import Configuration

from hacluster.kube.client import ApiError, Client
from hacluster.kube.kinds import CONFIG_MAP

OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-config", "namespace": "ns"}}


async def test_nothing_is_written_without_leave_and_everything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    leads, sent = False, []

    async def read() -> bytes:
        return b"{}"

    async def call_api(method: str, *_: Any, **__: Any) -> Any:
        sent.append(method)
        return SimpleNamespace(status=200, read=read, headers={})

    client = Client(Configuration(host="http://127.0.0.1:1"), manager="test", may_write=lambda: leads)
    monkeypatch.setattr(client._api, "call_api", call_api)
    where = (CONFIG_MAP, "ns", "web-config")
    try:
        assert await client.get(*where) == {} and [each async for each in client.list(CONFIG_MAP)] == []
        assert sent == ["GET", "GET"]
        for write in (
            lambda: client.apply(CONFIG_MAP, OBJECT),
            lambda: client.apply(CONFIG_MAP, OBJECT, subresource="status"),
            lambda: client.merge(*where, {}),
            lambda: client.patch(*where, []),
            lambda: client.create(CONFIG_MAP, OBJECT),
            lambda: client.delete(*where, uid="u"),
        ):
            leads = False
            with pytest.raises(ApiError, match="another operator acts"):
                await write()
            assert set(sent) == {"GET"}
            leads = True
            await write()
            assert sent.pop() != "GET"
    finally:
        await client.close()
