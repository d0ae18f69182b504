"""A real headless Chromium, driven through its debugging protocol as a reader's mouse would."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1200,900",
    "--remote-debugging-port=0",
]


class Tab:
    """One page: asks it questions, and remembers what it complained of and what it requested."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._number = 0
        self.complaints: list[str] = []
        self.requests: list[str] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=60)
            if message.get("id") == self._number:
                assert "error" not in message, message
                return dict(message["result"])
            self._note(message)

    async def wait_for(self, event: str) -> None:
        while True:
            message = await self._socket.receive_json(timeout=60)
            self._note(message)
            if message.get("method") == event:
                return

    async def evaluate(self, script: str) -> Any:
        found = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def screenshot(self, path: Path) -> None:
        found = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(found["data"]))

    def _note(self, message: dict[str, Any]) -> None:
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Log.entryAdded" and parameters["entry"]["level"] in {"warning", "error"}:
            self.complaints.append(parameters["entry"]["text"])
        elif method in {"Runtime.exceptionThrown", "Runtime.consoleAPICalled"}:
            self.complaints.append(str(parameters))
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])


def browse(page: Path, profile: Path, visit: Callable[[Tab], Awaitable[None]]) -> Tab:
    """Open a page, let ``visit`` use it, and return the tab with what it noted; skip where there is no Chromium."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("chromium is not installed")
    return asyncio.run(_browse(browser, page, profile, visit))


async def _browse(browser: str, page: Path, profile: Path, visit: Callable[[Tab], Awaitable[None]]) -> Tab:
    async with _running(browser, profile) as tab:
        for domain in ("Page", "Runtime", "Log", "Network"):
            await tab.call(f"{domain}.enable")
        await tab.call("Page.navigate", url=page.as_uri())
        await tab.wait_for("Page.loadEventFired")
        await visit(tab)
        return tab


@contextlib.asynccontextmanager
async def _running(browser: str, profile: Path) -> AsyncIterator[Tab]:
    import aiohttp

    command = [browser, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            address = None
            while address is None:
                line = await asyncio.wait_for(asyncio.to_thread(process.stderr.readline), timeout=60)
                assert line, "chromium ended before it listened"
                found = re.search(r"ws://([^/]+)/", line)
                address = found and found.group(1)
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://{address}/json/list") as answer:
                    pages = [one for one in await answer.json() if one["type"] == "page"]
                async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    yield Tab(socket)
        finally:
            process.kill()
