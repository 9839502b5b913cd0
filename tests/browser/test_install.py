"""Suivi can be put on a phone's home screen."""

import json

from tests.browser.phone import Phone
from tests.browser.world import World


def test_a_browser_finds_nothing_that_keeps_it_from_being_installed(phone: Phone, world: World) -> None:
    phone.is_made_ready_for("ibrahima")
    session = phone.devtools()
    assert session.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    said = session.send("Page.getAppManifest")
    assert said["errors"] == []
    manifest = json.loads(said["data"])
    assert manifest["name"] == manifest["short_name"] == "Suivi"
    assert manifest["display"] == "standalone"
    assert len(manifest["shortcuts"]) >= 3
    assert any(icon.get("purpose") == "maskable" for icon in manifest["icons"])
    for address in [
        *(icon["src"] for icon in manifest["icons"]),
        *(link["url"] for link in manifest["shortcuts"]),
    ]:
        answer = phone.context.request.get(world.address + address)
        assert answer.status == 200, address
