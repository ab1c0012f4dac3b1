"""A headless Chromium driven the way a person would, and what it asked of the network meanwhile."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=en-US",
    # A person may ask for still pages: drawing one that sweeps and fades is a third of all work here.
    "--force-prefers-reduced-motion",
)
PATIENCE_S = 90
DESKTOP = (1440, 900)
PHONE = (390, 844)

_IDLE = """
const page = document.querySelector('.page, .login');
const busy = document.querySelector('.skeleton, [aria-busy="true"]');
return !!page && !busy && document.fonts.status === 'loaded';
"""


def missing() -> str | None:
    """What this machine lacks to run a browser; None when it has everything."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser and shutil.which("chromedriver"):
        return None
    return "no Chromium here: apt-get install chromium chromium-driver fonts-noto-cjk"


class Browser:
    """One window on one served plant."""

    def __init__(self, driver: webdriver.Chrome, url: str, downloads: Path) -> None:
        self.driver = driver
        self.url = url.rstrip("/")
        self.downloads = downloads
        self._requests: list[str] = []
        self._complaints: list[str] = []

    def resize(self, size: tuple[int, int], *, scale: float = 1) -> None:
        """Give the page ``size`` in CSS pixels; narrow windows behave like a phone."""
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def open(self, path: str) -> None:
        """Open a path of the plant and wait until it is drawn."""
        self.driver.get(self.url + path)
        self.idle()

    def wait(self, met: Callable[[], Any], what: str, patience: float = PATIENCE_S) -> Any:
        """Wait until ``met`` gives something; elements that went away meanwhile are looked for again."""
        from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException

        end = time.monotonic() + patience
        while True:
            try:
                if found := met():
                    return found
            except (NoSuchElementException, StaleElementReferenceException):
                pass
            if time.monotonic() > end:
                said = " ".join(self.texts("body"))[:1500]
                raise AssertionError(f"waited {patience:g} s for {what}; the page says:\n{said}")
            time.sleep(0.1)

    def idle(self) -> None:
        """Wait until nothing is loading."""
        self.wait(lambda: self.driver.execute_script(_IDLE), "the page to be drawn")

    def all(self, css: str) -> list[WebElement]:
        """Every element that matches now."""
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css: str) -> WebElement:
        """The first element that matches, waited for."""
        found: list[WebElement] = self.wait(lambda: self.all(css), css)
        return found[0]

    def named(self, css: str, text: str) -> WebElement:
        """The first element matching ``css`` whose text contains ``text``, waited for."""
        element: WebElement = self.wait(
            lambda: next((found for found in self.all(css) if text in found.text), None),
            f"{css} with {text!r}",
        )
        return element

    def text(self, css: str) -> str:
        """The visible text of the first match, waited for."""
        found: list[str] = self.wait(lambda: [self.driver.find_element(By.CSS_SELECTOR, css).text], css)
        return found[0]

    def texts(self, css: str) -> list[str]:
        """The visible text of every match."""
        return [element.text for element in self.all(css)]

    def click(self, css: str, text: str = "") -> None:
        """Click the first match, be it drawn anew just now, and wait for what it starts."""
        self.wait(partial(self._clicked, css, text), f"{css} {text!r} to be clicked")
        self.idle()

    def _clicked(self, css: str, text: str) -> bool:
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", self.named(css, text))
        self.named(css, text).click()
        return True

    def press(self, *keys: str) -> None:
        """Type on the keyboard, into whatever has the focus, be it drawn anew just now."""
        for key in keys:
            self.wait(partial(self._typed, key), f"{key!r} to be typed")

    def _typed(self, key: str) -> bool:
        self.focused().send_keys(key)
        return True

    def focused(self) -> WebElement:
        """The element that has the focus."""
        return self.driver.switch_to.active_element

    def tab_to(self, css: str, *, limit: int = 80) -> WebElement:
        """Press Tab until an element that matches ``css`` has the focus."""
        for _ in range(limit):
            self.press(Keys.TAB)
            if self.driver.execute_script("return document.activeElement.matches(arguments[0])", css):
                return self.focused()
        raise AssertionError(f"{css} is not reached with {limit} presses of Tab")

    def path(self) -> str:
        """Path and query of the address."""
        parts = urlsplit(self.driver.current_url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def sign_in(self, password: str) -> None:
        """Sign in on the login page; a window that is signed in leaves its page, and draws none."""
        self.driver.get(f"{self.url}/api/session")
        if '"csrf"' in self.text("body"):
            return
        self.open("/")
        if not self.all("#password"):
            return
        self.one("#password").send_keys(password, Keys.ENTER)
        self.one(".shell")
        self.idle()

    def downloaded(self, suffix: str = ".csv") -> Path:
        """The newest finished download."""
        newest: Path = self.wait(
            lambda: max(
                self.downloads.glob(f"*{suffix}"), key=lambda file: file.stat().st_mtime_ns, default=None
            ),
            f"a download ending in {suffix}",
        )
        return newest

    def _log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]
        return entries

    def _read_logs(self) -> None:
        for entry in self._log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self._requests.append(message["params"]["request"]["url"])
            elif message["method"] == "Network.webSocketCreated":
                self._requests.append(message["params"]["url"])
        self._complaints += [
            entry["message"] for entry in self._log("browser") if entry["level"] in {"SEVERE", "WARNING"}
        ]

    def forget(self) -> None:
        """Start the record of requests and console messages anew."""
        self._read_logs()
        self._requests.clear()
        self._complaints.clear()

    def hosts(self) -> set[str]:
        """Every host that the pages asked anything of."""
        self._read_logs()
        local = {"chrome", "chrome-extension", "devtools", "data", "blob", "about"}
        return {urlsplit(url).netloc for url in self._requests if urlsplit(url).scheme not in local}

    def complaints(self) -> list[str]:
        """Errors and warnings on the console."""
        self._read_logs()
        return list(self._complaints)

    def picture(self, file: Path, *, whole: bool = False, tallest: int = 2400) -> None:
        """Save what is seen, or the whole page, as a PNG."""
        size = self.driver.execute_script(
            "return [innerWidth, innerHeight, document.documentElement.scrollHeight]"
        )
        width, height, full = size
        ratio = self.driver.execute_script("return devicePixelRatio")
        if whole:
            self.resize((width, min(tallest, max(height, full))), scale=ratio)
            time.sleep(0.5)
        file.parent.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(file))
        if whole:
            self.resize((width, height), scale=ratio)


@contextmanager
def launch(url: str, size: tuple[int, int] = DESKTOP, *, scale: float = 1) -> Iterator[Browser]:
    """A fresh Chromium with its own profile, on the plant served at ``url``."""
    with tempfile.TemporaryDirectory(prefix="assay-chromium-", ignore_cleanup_errors=True) as profile:
        downloads = Path(profile) / "downloads"
        downloads.mkdir()
        options = Options()
        for flag in (*FLAGS, f"--user-data-dir={profile}/user", f"--window-size={size[0]},{size[1]}"):
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = Service(shutil.which("chromedriver"))
        driver = webdriver.Chrome(options=options, service=service)
        try:
            browser = Browser(driver, url, downloads)
            browser.resize(size, scale=scale)
            yield browser
        finally:
            driver.quit()
