"""Opens a page of burn-tune in a browser and checks what only a browser can tell.

    python page.py PAGE.html [--figures N] [--screenshots DIR]

That it is one file: no request but for itself, no more than 6 MB, nothing on the console. That each
figure is drawn, in every variant, and says so where WebGL is missing. That each header sorts its
table, in both directions, as an independent sort does. That the page follows the dark scheme, has
room on a phone, and that paper gets every row and every figure. Ends with 1 and says what is wrong.

Needs Debian's `chromium`, or another one that the variable CHROMIUM names, and PyPI's `playwright`
(without its own browsers). The page is that of a real run, `results/*.html`, or any other. With
`--figures`, the page has to have so many. `--screenshots` also writes what there is to look at: wide,
dark, on a phone, and a PDF.
"""

import argparse
import os
import pathlib
import shutil
import sys
import tempfile
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which(os.environ.get("CHROMIUM", "chromium"))
MOST_BYTES = 6_000_000
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
# WebGL without a graphics card; and a browser that asks nobody for anything by itself.
ARGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
]

# What a figure has drawn: the area of its largest picture, and its text; or what it says instead.
DRAWN = """section => {
    const plot = section.querySelector('.js-plotly-plot');
    const areas = [...(plot?.querySelectorAll('svg.main-svg, canvas') ?? [])].map((picture) => {
        const box = picture.getBoundingClientRect();
        return box.width * box.height;
    });
    const missing = section.querySelector('.missing');
    return {
        id: section.id,
        area: Math.max(0, ...areas),
        // A plot without a trace is an empty frame.
        traces: plot?._fullData?.length ?? 0,
        overflow: plot ? plot.querySelector('.main-svg')?.getBoundingClientRect().width - plot.clientWidth : 0,
        message: missing.hidden ? '' : missing.textContent,
    };
}"""

# Whether the traces are those of the chosen variant.
SHOWS = """(section, index) => {
    const source = JSON.parse(section.querySelectorAll('script.plot-json')[index].textContent);
    const values = ({x, y, z, dimensions, name}) => [x, y, z, name, dimensions?.map((one) => one.values)];
    return JSON.stringify(source.data.map(values)) === JSON.stringify(section.querySelector('.plot').data.map(values));
}"""


class Faults(list):
    """What is wrong with the page."""

    def expect(self, holds, fault):
        if not holds:
            self.append(fault)


@contextmanager
def opened(playwright, url, faults, where, args=ARGS, **context):
    """The page in a browser of its own; whatever it complains of is a fault."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=args)
    page = browser.new_page(**context)
    page.on("console", lambda message: faults.expect(
        message.type not in ("error", "warning"), f"{where}: console {message.type}: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"{where}: uncaught {error}"))
    page.on("request", lambda request: faults.expect(
        request.url.split("#")[0] == url or request.url.startswith(("data:", "blob:")),
        f"{where}: a request to {request.url}"))
    page.goto(url)
    settle(page)
    yield page
    browser.close()


def settle(page):
    """Waits until what was to be drawn is drawn; first until the page can know of it."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.wait_for_function("window.burnTuneReady === true", timeout=60_000)


def scroll_through(page):
    """Brings each figure into sight."""
    for section in page.query_selector_all("section.figure"):
        section.scroll_into_view_if_needed()
        settle(page)
    page.evaluate("scrollTo(0, 0)")


def check_drawn(page, faults, where):
    for section in page.query_selector_all("section.figure"):
        drawn = section.evaluate(DRAWN)
        what = f"{where}: figure {drawn['id']}"
        faults.expect(not drawn["message"], f"{what} is missing: {drawn['message']}")
        faults.expect(drawn["area"] > 10_000, f"{what} is not drawn, {drawn['area']} square pixels")
        faults.expect(drawn["traces"] > 0, f"{what} has nothing in it")
        faults.expect(abs(drawn["overflow"] or 0) < 2, f"{what} is off its place by {drawn['overflow']} px")


def check_variants(page, faults):
    for section in page.query_selector_all("section.figure:has(select)"):
        select = section.query_selector("select")
        options = section.eval_on_selector_all("option", "all => all.map((one) => one.label)")
        faults.expect(len(options) > 1, f"figure {section.get_attribute('id')} has a choice of one")
        for index in [*range(1, len(options)), 0]:
            select.select_option(index=index)
            settle(page)
            check_drawn(page, faults, f"variant {options[index]!r}")
            faults.expect(section.evaluate(SHOWS, index), f"variant {options[index]!r} shows another one's data")


def check_sorting(page, faults):
    for table in page.query_selector_all("table"):
        name = table.get_attribute("id")
        numbered = "all => all.map((row) => [...row.cells].map((cell) => cell.dataset.sort ?? null))"
        first = table.eval_on_selector_all("tbody tr", numbered)
        for column, header in enumerate(table.query_selector_all("thead th")):
            sort_as = float if "number" in header.get_attribute("class") else str.lower
            # With the keyboard where the column's number is odd.
            button = header.query_selector("button")
            if header.get_attribute("aria-sort") == "ascending":
                button.click()
            for order in ["ascending", "descending"]:
                button.press("Enter") if column % 2 else button.click()
                what = f"table {name}, column {column} {order}"
                states = table.eval_on_selector_all("thead th", "all => all.map((one) => one.ariaSort)")
                wanted = ["none"] * len(states)
                wanted[column] = order
                faults.expect(states == wanted, f"{what}: aria-sort is {states}")
                rows = table.eval_on_selector_all("tbody tr", numbered)
                full = [row for row in first if row[column] is not None]
                empty = [row for row in first if row[column] is None]
                full.sort(key=lambda row: sort_as(row[column]), reverse=order == "descending")
                faults.expect(rows == full + empty, f"{what}: the rows are not sorted")
        if table.get_attribute("data-shown"):
            check_show_all(page, table, faults)


def check_details(page, faults):
    """Rows unfold, go with their rows, and a filter leaves those that have its words."""
    buttons = page.query_selector_all("#leaderboard .unfold")
    if not buttons:
        return
    buttons[0].click()
    follows = "row => row.previousElementSibling?.querySelector('.unfold')?.ariaExpanded"
    below = page.query_selector_all("tr.below")
    faults.expect(len(below) == 1 and "params" in below[0].inner_text(), "a row does not unfold")
    page.click("#leaderboard thead th:nth-child(2) button")
    faults.expect(page.eval_on_selector("tr.below", follows) == "true", "what is unfolded does not go with its row")
    page.click("#leaderboard thead th:first-child button")
    page.click("#leaderboard .unfold[aria-expanded=true]")
    faults.expect(page.query_selector("tr.below") is None, "a row does not fold")
    search = page.query_selector(".filter input")
    if search:
        rows = "#leaderboard tbody tr:not(.below)"
        words = page.eval_on_selector(f"{rows}:last-child td:nth-child(2)", "cell => cell.textContent").split()
        search.fill(words[0])
        texts = page.eval_on_selector_all(rows, "all => all.filter((row) => row.checkVisibility()).map((row) => row.textContent)")
        faults.expect(texts and all(words[0] in text for text in texts), f"the filter {words[0]} leaves {texts}")
        search.fill("no trial has these words")
        visible = page.eval_on_selector_all(rows, "all => all.filter((row) => row.checkVisibility()).length")
        faults.expect(visible == 0, f"{visible} rows have words that none has")
        search.fill("")


def check_live(playwright, path, faults):
    """The page of a search that runs reads itself again, and keeps what the reader has done."""
    text = path.read_text()
    if 'id="leaderboard"' not in text or 'class="unfold"' not in text:
        return
    with tempfile.TemporaryDirectory() as folder:
        live = pathlib.Path(folder) / "live.html"
        live.write_text(text.replace("</header>", '<p class="banner" data-reload="3600">running</p></header>', 1))
        with opened(playwright, live.as_uri(), faults, "live", viewport=WIDE) as page:
            page.click("#leaderboard .unfold")
            page.evaluate("scrollTo(0, 250)")
            with page.expect_navigation():
                page.evaluate("burnTuneReadAgain()")
            settle(page)
            faults.expect(page.query_selector("tr.below") is not None, "live: the row is folded again")
            top = page.evaluate("scrollY")
            faults.expect(abs(top - 250) < 5, f"live: the page is at {top}, not at 250")


def check_show_all(page, table, faults):
    def visible():
        rows = table.query_selector_all("tbody tr")
        return [place for place, row in enumerate(rows) if row.is_visible()]

    name, first = table.get_attribute("id"), int(table.get_attribute("data-shown"))
    rows = table.query_selector_all("tbody tr")
    button = page.query_selector(f"button[aria-controls={name}]")
    faults.expect(visible() == list(range(first)), f"table {name} shows {len(visible())} rows at first, not {first}")
    button.click()
    faults.expect(len(visible()) == len(rows), f"table {name} shows {len(visible())} of {len(rows)} rows when all are asked for")
    button.click()
    faults.expect(len(visible()) == first, f"table {name} does not fold again")


def check_dark(page, faults):
    colors = """() => [
        getComputedStyle(document.documentElement).backgroundColor,
        getComputedStyle(document.body).color,
        ...[...document.querySelectorAll('.js-plotly-plot')].map((plot) => plot._fullLayout.font.color),
    ]"""
    page.emulate_media(color_scheme="light")
    settle(page)
    light = page.evaluate(colors)
    page.emulate_media(color_scheme="dark")
    settle(page)
    dark = page.evaluate(colors)
    for place, (before, after) in enumerate(zip(light, dark)):
        what = ["background", "text"][place] if place < 2 else f"text of figure {place - 1}"
        faults.expect(before != after, f"the {what} is {before} in the light and in the dark")
    faults.expect("--ink" not in page.evaluate("JSON.stringify([...document.querySelectorAll('.js-plotly-plot')].map((plot) => plot.data))"),
                  "a trace has the colour --ink, which is none")
    check_drawn(page, faults, "dark")


def check_phone(page, faults):
    scroll_through(page)
    width = page.evaluate("document.documentElement.scrollWidth")
    faults.expect(width <= PHONE["width"], f"the page is {width} px wide on a phone of {PHONE['width']}")
    check_drawn(page, faults, "phone")


def check_print(page, faults, pdf):
    """Nothing is scrolled before: paper gets what was never in sight, too."""
    page.emulate_media(media="print", color_scheme="dark")
    settle(page)
    check_drawn(page, faults, "print")
    hidden = page.eval_on_selector_all("tbody tr", "all => all.filter((row) => !row.offsetHeight).length")
    faults.expect(hidden == 0, f"{hidden} rows are missing in print")
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    faults.expect(background == "rgb(255, 255, 255)", f"paper is {background}")
    page.emulate_media(media="null", color_scheme="dark")
    settle(page)
    before = len(page.query_selector_all(".js-plotly-plot"))
    bytes_ = page.pdf(format="A4", print_background=True, path=pdf)
    faults.expect(len(bytes_) > 20_000, f"the PDF has {len(bytes_)} bytes")
    settle(page)
    faults.expect(len(page.query_selector_all(".js-plotly-plot")) >= before, "printing loses figures")
    faults.expect("printing" not in (page.get_attribute("html", "class") or ""), "the page stays in print")


def check_before_print(page, faults):
    """Paper does not wait: when the event has been handled, all is drawn."""
    undrawn = page.evaluate("""() => {
        dispatchEvent(new Event('beforeprint'));
        const sections = [...document.querySelectorAll('section.figure')];
        return sections.filter((one) => !one.querySelector('.js-plotly-plot svg.main-svg')).map((one) => one.id);
    }""")
    faults.expect(not undrawn, f"after beforeprint these are not drawn: {undrawn}")
    settle(page)
    check_drawn(page, faults, "beforeprint")


def check_without_webgl(page, faults):
    scroll_through(page)
    for section in page.query_selector_all("section.figure"):
        drawn = section.evaluate(DRAWN)
        source = section.eval_on_selector("script.plot-json", "script => script.textContent")
        if '"type":"parcoords"' in source:
            says = "WebGL" in drawn["message"]
            faults.expect(says, f"without WebGL: figure {drawn['id']} does not say why it is missing")
        else:
            faults.expect(drawn["area"] > 10_000, f"without WebGL: figure {drawn['id']} is missing, too")


def check(path, figures, screenshots):
    faults = Faults()
    size = path.stat().st_size
    faults.expect(size <= MOST_BYTES, f"the file has {size} bytes, more than {MOST_BYTES}")
    url = path.resolve().as_uri()

    def shot(name):
        return str(screenshots / f"{path.stem}-{name}") if screenshots else None

    light = {"color_scheme": "light"}
    with sync_playwright() as playwright:
        with opened(playwright, url, faults, "wide", viewport=WIDE, **light) as page:
            scroll_through(page)
            count = len(page.query_selector_all("section.figure"))
            faults.expect(figures is None or count == figures, f"there are {count} figures, not {figures}")
            check_drawn(page, faults, "wide")
            if screenshots:
                page.screenshot(path=shot("light.png"), full_page=True)
            check_dark(page, faults)
            if screenshots:
                page.screenshot(path=shot("dark.png"), full_page=True)
            check_variants(page, faults)
            check_sorting(page, faults)
            check_details(page, faults)
        check_live(playwright, path, faults)
        with opened(playwright, url, faults, "phone", viewport=PHONE, has_touch=True, is_mobile=True, **light) as page:
            check_phone(page, faults)
            if screenshots:
                page.screenshot(path=shot("phone.png"), full_page=True)
        with opened(playwright, url, faults, "print", viewport=WIDE, color_scheme="dark") as page:
            check_print(page, faults, shot("print.pdf"))
        with opened(playwright, url, faults, "beforeprint", viewport=WIDE, **light) as page:
            check_before_print(page, faults)
        with opened(playwright, url, faults, "no WebGL", [*ARGS, "--disable-3d-apis"], viewport=WIDE, **light) as page:
            check_without_webgl(page, faults)
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--figures", type=int)
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    faults = check(arguments.page, arguments.figures, arguments.screenshots)
    for fault in dict.fromkeys(faults):
        print(f"{arguments.page.name}: {fault}", file=sys.stderr)
    print(f"{arguments.page.name}: {len(dict.fromkeys(faults)) or 'no'} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
