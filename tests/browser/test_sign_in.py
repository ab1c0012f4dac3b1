"""Signing in and out, in both languages."""

from chromium import launch
from served import Served


def test_a_wrong_password_is_said_plainly_and_the_right_one_opens_the_overview(plant: Served) -> None:
    with launch(plant.url) as browser:
        browser.open("/pages/cause?lang=en")
        assert "Sign in" in browser.text("button[type=submit]")
        browser.one("#password").send_keys("not the password")
        browser.click("button[type=submit]")
        told = browser.one("[role=alert]").text
        assert "password" in told.lower()
        browser.click(".language-switch button", "中文")
        assert "登录" in browser.text("button[type=submit]")
        assert browser.one("[role=alert]").text != told
        browser.one("#password").clear()
        browser.one("#password").send_keys(plant.password)
        browser.click("button[type=submit]")
        browser.one(".cause")
        assert browser.path().startswith("/pages/cause"), "signing in keeps the page that was asked for"


def test_signing_out_ends_the_session(plant: Served) -> None:
    with launch(plant.url) as browser:
        browser.sign_in(plant.password)
        browser.open("/?lang=en")
        browser.click(".rail-foot .link-button", "Sign out")
        browser.one("#password")
        browser.open("/pages/overview")
        browser.one("#password")
