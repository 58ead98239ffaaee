"""The page: well formed, self-contained, and safe for any names in the data."""

import json
import re
import shutil
import subprocess
from html import escape
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from skfmvae.cli import main

VOID = {"meta", "link", "br", "hr", "img", "input"}


HOSTILE = "<script>alert('x')</script>"


HOSTILE_TOO = """"'><img src=x>"""


class Page(HTMLParser):
    """Elements and references of a page."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.references, self.text = [], [], [], ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name.split(":")[-1] in {"src", "href", "srcset", "data", "action"}:
                self.references.append(value)
            assert not name.startswith("on")
            self.references += re.findall(r"url\((.*?)\)", value or "")

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        self.references += re.findall(r"url\((.*?)\)|@import", data)


@pytest.fixture(scope="module")
def report(blobs, tmp_path_factory):
    """A report with all sections, where names are attacks."""
    folder = tmp_path_factory.mktemp("report")
    table = blobs.rename(columns={"kind": HOSTILE})
    table[HOSTILE_TOO] = np.where(blobs["a"] > 1, "<u>", "<s>")
    names = {0: "<b>", 1: "&amp;", 2: "{{ report }}"}
    table[HOSTILE] = table[HOSTILE].map(names)
    table["</style>"] = np.nan
    data = folder / "<i>&.csv"
    table.to_csv(data, index=False)
    estimators = ["LogisticRegression", "GaussianNB", "SVC", "LabelSpreading"]
    estimators += ["KNeighborsClassifier", "MultinomialNB"]
    options = (
        f"--budgets 10,20,30,40 --cv 3 --quiet --estimators {','.join(estimators)}"
    )
    options += " --scoring accuracy,f1_macro --target-score 0.7 --out"
    quoted = HOSTILE_TOO.replace('"', '""')
    targets = f'{HOSTILE},"{quoted}"'
    arguments = ["study", data, "--target", targets, *options.split(), folder]
    assert main([str(argument) for argument in arguments]) == 0
    return folder / "report.html"


def test_the_page_is_whole_and_safe(report):
    html = report.read_text(encoding="utf-8")
    page = Page(html)
    assert not {"script", "img", "i", "b", "u", "s", "iframe", "object"} & set(
        page.tags
    )
    assert page.tags.count("h1") == page.tags.count("main") == 1
    assert page.tags.count("style") == 2  # of the page, and of the figure
    names = [HOSTILE, "<i>&.csv", "<b>: ", "&amp;: ", "{{ report }}: ", "'</style>'"]
    for name in names:
        assert name in page.text
    both = escape(f"{HOSTILE} and {HOSTILE_TOO}", quote=False)
    both = both.replace("'", "&#39;").replace('"', "&#34;")
    assert f"<h1>How many labels of {both} are needed?</h1>" in html
    assert '<div role="img" aria-label="Mean accuracy and f1 macro by' in html


def test_nothing_points_outside(report):
    html = report.read_text(encoding="utf-8")
    places = {place.partition("/")[0] for place in re.findall(r"//([^\"'\s<>]+)", html)}
    assert places == {"www.w3.org"}  # which names the kind of the figure
    references = Page(html).references
    assert references
    outside = [r for r in references if not r.startswith("#") and r != "data:,"]
    assert not outside


def test_everything_is_reported(report):
    results = pd.read_csv(report.with_name("results.csv"))
    text = Page(report.read_text(encoding="utf-8")).text
    for score in ("test_accuracy", "test_f1_macro"):
        for _, scores in results.groupby(["estimator", "budget"])[score]:
            if scores.notna().all():
                assert f"{scores.mean():.3f} ± {scores.std():.3f}" in text
    assert text.count("failed") >= 8  # scores of MultinomialNB
    for heading in (
        *("Scores", "Labels needed", "How to read this", "Failed fits"),
        *("Warnings", "Time to fit", "What was asked"),
    ):
        assert f"\n{heading}\n" in text
    assert "python -m skfmvae study" in text


# In a browser -------------------------------------------------------------------------

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)


FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]


FLAGS += ["--no-first-run", "--disable-background-networking"]


FLAGS += ["--disable-component-update", "--disable-sync"]


# Its own requests find nothing.
FLAGS += ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]


OWN_ACCOUNT = "not an origin"


in_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


def browse(page, folder):
    """Load a page; return its elements afterwards, and the requests to the net."""
    log = folder / "net.json"
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}"]
    command += [f"--log-net-log={log}", "--window-size=1300,2000", "--dump-dom"]
    done = subprocess.run(
        [*command, page.as_uri()], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    requests = [event["params"] for event in events if "initiator" in str(event)]
    # Requests on the account of the browser have no origin.
    urls = {
        request["url"]
        for request in requests
        if request.get("initiator", OWN_ACCOUNT) != OWN_ACCOUNT
    }
    return done.stdout, urls


@in_chromium
def test_it_asks_nothing_of_the_net(report, tmp_path):
    # A page with a request shows that requests are seen.
    control = tmp_path / "control.html"
    html = report.read_text(encoding="utf-8")
    outside = "http://127.0.0.1:9/outside.png"
    control.write_text(html.replace("</main>", f'<img src="{outside}"></main>'))
    (tmp_path / "a").mkdir()
    assert outside in browse(control, tmp_path / "a")[1]
    shown, urls = browse(report, tmp_path)
    assert "How to read this" in shown
    assert not urls


MEASURE = """
<script>
addEventListener("load", () => {
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, root = page.documentElement;
    const wide = [...page.body.querySelectorAll("*")].filter(e =>
      !e.closest("svg, .scroll > *") && e.getBoundingClientRect().right > frame.width);
    const figure = page.querySelector("svg").getBoundingClientRect();
    const found = {
      width: root.scrollWidth, inside: frame.width, wide: wide.map(e => e.tagName),
      figure: [figure.left, figure.width, figure.height],
      scrolls: [...page.querySelectorAll(".scroll")].some(
        e => e.scrollWidth > e.clientWidth && getComputedStyle(e).overflowX === "auto"),
    };
    const said = document.createElement("pre");
    said.className = "found";
    said.textContent = JSON.stringify(found);
    document.body.append(said);
  }
});
</script>
"""


@in_chromium
def test_it_fits_screens_and_phones(report, tmp_path):
    # In frames, because a window cannot be as narrow as a phone.
    html = escape(report.read_text(encoding="utf-8"))
    frames = "".join(
        f'<iframe width="{width}" height="9" frameborder="0" srcdoc="{html}"></iframe>'
        for width in (1280, 390)
    )
    wrapper = tmp_path / "wrapper.html"
    wrapper.write_text(f'<meta charset="utf-8"><body>{frames}{MEASURE}', "utf-8")
    shown, _ = browse(wrapper, tmp_path)
    found = [
        json.loads(t) for t in re.findall(r'<pre class="found">(.*?)</pre>', shown)
    ]
    assert [int(page["inside"]) for page in found] == [1280, 390]
    for page in found:
        assert page["width"] <= int(page["inside"])
        assert page["wide"] == []
        left, width, height = page["figure"]
        assert left >= 0
        assert width > 340
        assert 0.4 < height / width < 2
    # On a phone the tables scroll, and the page does not.
    assert [page["scrolls"] for page in found] == [False, True]
