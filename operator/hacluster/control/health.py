"""`/healthz` for the kubelet's liveness probe. `run.py` serves it for as long as the operator runs.

The event loop that does the work answers it, so a hung operator does not answer and is restarted.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def serve(port: int, state: Callable[[], str]) -> AsyncIterator[None]:
    """Answers 200 with the text of `state()` while the block runs. Port 0: nothing is served."""
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
