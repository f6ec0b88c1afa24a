"""`/healthz` for the kubelet: answered by the same event loop that does the work, so that a hung operator does not answer."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def serve(port: int, state: Callable[[], str]) -> AsyncIterator[None]:
    """Answers 200 with `state()` as long as the block lasts; port 0: not at all."""
    if not port:
        yield
        return

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text=f"{state()}\n")

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz)])
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "0.0.0.0", port).start()
        yield
    finally:
        await runner.cleanup()
