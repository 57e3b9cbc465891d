"""The built site as a real browser lays it out, 1280 pixels wide; needs Chromium, and `make docs` before."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

BUILT = Path(__file__).parents[2] / "docs" / "_build" / "html"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
# What is wrong with a page, as a list of texts, written into the page itself.
LOOK = """
<script>
document.fonts.load('16px "Plastodyn Math"').then(loaded => {
  const wrong = [], wide = document.documentElement.scrollWidth - window.innerWidth;
  if (loaded.length !== 1) wrong.push("the font of equations is missing");
  if (wide > 0) wrong.push(`the page is ${wide} pixels too wide`);
  for (const pre of document.querySelectorAll("pre"))
    if (pre.scrollWidth > pre.clientWidth + 1) wrong.push("cut off: " + pre.textContent.slice(0, 60));
  for (const image of document.images) if (!image.naturalWidth) wrong.push("no picture: " + image.src);
  for (const root of document.querySelectorAll("msqrt")) {
    const inside = Math.max(...[...root.children].map(child => child.getBoundingClientRect().height));
    if (root.getBoundingClientRect().height <= inside) wrong.push("a root that does not stretch");
  }
  for (const equation of document.querySelectorAll("div.equation"))
    if (equation.scrollWidth > equation.clientWidth + 1) wrong.push("too wide: " + equation.textContent);
  if (document.querySelector("merror")) wrong.push("an equation with an error");
  const found = document.createElement("pre");
  found.id = "found";
  found.textContent = JSON.stringify(wrong);
  document.body.append(found);
});
</script>
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(not (BUILT / "index.html").exists(), reason="the site is not built: make docs"),
]


def _seen(page, profile):
    """What the browser finds wrong with a page."""
    page.write_text(page.read_text().replace("</body>", LOOK + "</body>"))
    size = ["--window-size=1280,1000", "--virtual-time-budget=10000", f"--user-data-dir={profile}"]
    command = [CHROMIUM, *QUIET, *size, "--dump-dom", page.as_uri()]
    dumped = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    return json.loads(html.unescape(re.findall(r'<pre id="found">(.*?)</pre>', dumped, re.DOTALL)[-1]))


def test_every_page_is_whole(tmp_path):
    site = shutil.copytree(BUILT, tmp_path / "html")
    pages = [page for page in sorted(site.rglob("*.html")) if not {"_static", "api"} & set(page.relative_to(site).parts)]
    assert len(pages) > 15
    found = {page.name: _seen(page, tmp_path / "profile") for page in pages}
    assert not {name: wrong for name, wrong in found.items() if wrong}
