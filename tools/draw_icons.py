"""Draw the app's PNG icons again from their SVG, with the Chromium of this machine: `python -m tools.draw_icons`.

Run it after changing webapp/static/icons/icon.svg or icon-maskable.svg and commit what it writes; phones that
install the app ask for PNG.
"""

from pathlib import Path

from playwright.sync_api import sync_playwright

ICONS = Path(__file__).resolve().parent.parent / "webapp/static/icons"
DRAWINGS = (
    ("icon.svg", "icon-192.png", 192),
    ("icon.svg", "icon-512.png", 512),
    ("icon-maskable.svg", "icon-maskable-512.png", 512),
    # Android shows only the shape of a badge, in one colour, at 24 dots: four times that for dense screens.
    ("badge.svg", "badge-96.png", 96),
)


def main(chromium: str = "/usr/bin/chromium") -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        for drawing, picture, side in DRAWINGS:
            page.set_viewport_size({"width": side, "height": side})
            svg = (ICONS / drawing).read_text()
            page.set_content(f"<style>*{{margin:0}}svg{{display:block;width:{side}px}}</style>{svg}")
            page.screenshot(path=ICONS / picture, omit_background=True)
        browser.close()


if __name__ == "__main__":
    main()
