// What a page does: tables are sorted, and figures drawn when they come into sight, in the colours of
// the reader's scheme. Only this file knows plotly.js.
"use strict";

(() => {
  const root = document.documentElement;
  const narrow = matchMedia("(max-width: 640px)");

  // Tables

  // What the reader has done to the page is kept when it reads itself again: by the place of the page.
  const memory = `burn-tune ${location.pathname}`;
  const remembered = (() => {
    try {
      return JSON.parse(sessionStorage.getItem(memory)) ?? {};
    } catch {
      return {};
    }
  })();
  const tables = [];

  document.querySelectorAll("table").forEach((table) => {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const headers = [...table.tHead.rows[0].cells];
    const filter = document.querySelector(`.filter input[aria-controls="${table.id}"]`);
    const shown = Number(table.dataset.shown ?? rows.length);

    // Rows that are folded out are followed by a row of their own, which goes where they go.
    const unfolded = new Map();
    const nameOf = (row) => row.cells[1]?.dataset.sort ?? row.cells[0].textContent;

    function unfold(row, open) {
      const button = row.querySelector(".unfold");
      if (!button || unfolded.has(row) === open) return;
      button.ariaExpanded = String(open);
      if (!open) {
        unfolded.get(row).remove();
        unfolded.delete(row);
        return;
      }
      const below = document.createElement("tr");
      below.className = "below";
      const cell = below.insertCell();
      cell.colSpan = row.cells.length;
      cell.append(row.querySelector("template").content.cloneNode(true));
      unfolded.set(row, below);
      row.after(below);
    }

    function show() {
      const words = (filter?.value ?? "").toLowerCase().split(/\s+/).filter(Boolean);
      const matches = (row) => words.every((word) => row.textContent.toLowerCase().includes(word));
      let place = 0;
      let found = 0;
      [...body.rows].filter((row) => !row.classList.contains("below")).forEach((row) => {
        const found_here = matches(row);
        row.hidden = !found_here;
        found += found_here;
        row.classList.toggle("later", found_here && place >= shown && words.length === 0);
        place += found_here;
        const below = unfolded.get(row);
        if (below) below.hidden = row.hidden || row.classList.contains("later");
      });
      if (filter) {
        const text = words.length === 0 ? "" : `${found} of ${rows.length} trials`;
        filter.closest(".filter").querySelector(".found").textContent = text;
      }
    }

    function sortBy(header, order) {
      const column = headers.indexOf(header);
      headers.forEach((other) => { other.ariaSort = other === header ? order : "none"; });
      // From the first order, not from the last: rows that are equal stay in the order of the page.
      const sorted = [...rows].sort(comparison(column, header.className === "number", order));
      body.append(...sorted.flatMap((row) => unfolded.has(row) ? [row, unfolded.get(row)] : [row]));
      show();
    }

    headers.forEach((header) => {
      header.firstElementChild.addEventListener("click", () => {
        sortBy(header, header.ariaSort === "ascending" ? "descending" : "ascending");
      });
    });
    body.addEventListener("click", (event) => {
      const button = event.target.closest(".unfold");
      if (button) unfold(button.closest("tr"), button.ariaExpanded !== "true");
    });
    filter?.addEventListener("input", show);

    const known = remembered.tables?.[table.id];
    if (known) {
      const header = headers[known.column];
      if (header && known.order !== "none") sortBy(header, known.order);
      if (filter) filter.value = known.filter;
      rows.filter((row) => known.unfolded.includes(nameOf(row))).forEach((row) => unfold(row, true));
      show();
    }
    tables.push({
      id: table.id,
      state: () => {
        const column = headers.findIndex((header) => ["ascending", "descending"].includes(header.ariaSort));
        return {
          column,
          order: headers[column]?.ariaSort ?? "none",
          filter: filter?.value ?? "",
          unfolded: [...unfolded.keys()].map(nameOf),
          long: !table.classList.contains("short"),
          left: table.parentElement.scrollLeft,
        };
      },
    });

    // A hint where a table is wider than its place.
    const hint = table.closest("section")?.querySelector(".scrolls");
    const measure = () => { if (hint) hint.hidden = table.scrollWidth <= table.parentElement.clientWidth + 1; };
    new ResizeObserver(measure).observe(table.parentElement);
  });

  // A search that runs writes its page again and again: the page reads itself again, unless it is hidden, or the
  // reader is at work on it.
  let touched = 0;
  ["pointermove", "keydown", "wheel", "touchstart"].forEach((kind) => {
    addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
  });
  const live = document.querySelector("[data-reload]");
  if (live) {
    const readAgain = () => {
      const state = { top: scrollY, tables: Object.fromEntries(tables.map((table) => [table.id, table.state()])) };
      try {
        sessionStorage.setItem(memory, JSON.stringify(state));
      } catch {
        // Without a memory the page begins at its top.
      }
      location.reload();
    };
    setInterval(() => {
      if (!document.hidden && Date.now() - touched > 2000) readAgain();
    }, Number(live.dataset.reload) * 1000);
    // Tests do not wait for it.
    window.burnTuneReadAgain = readAgain;
  }
  if (remembered.top !== undefined) {
    history.scrollRestoration = "manual";
    requestAnimationFrame(() => scrollTo(0, remembered.top));
    if (!live) sessionStorage.removeItem(memory);
  }

  function comparison(column, numeric, order) {
    const sign = order === "ascending" ? 1 : -1;
    const key = (row) => {
      const text = row.cells[column].dataset.sort;
      if (text === undefined) return undefined;
      return numeric ? Number(text) : text.toLowerCase();
    };
    return (one, other) => {
      const [a, b] = [key(one), key(other)];
      // Nothing is neither small nor large: it is last in both orders.
      if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
      return sign * ((a > b) - (a < b));
    };
  }

  document.querySelectorAll(".more button").forEach((button) => {
    const table = document.getElementById(button.getAttribute("aria-controls"));
    if (remembered.tables?.[table.id]?.long) setTimeout(() => button.click());
    button.addEventListener("click", () => {
      const short = table.classList.toggle("short");
      button.ariaExpanded = String(!short);
      [button.textContent, button.dataset.fewer] = [button.dataset.fewer, button.textContent];
      if (short) button.scrollIntoView({ block: "nearest" });
    });
  });

  // Figures

  const figures = [...document.querySelectorAll(".figure")].map((section) => ({
    section,
    plot: section.querySelector(".plot"),
    missing: section.querySelector(".missing"),
    select: section.querySelector("select"),
    sources: [...section.querySelectorAll(".plot-json")],
    wanted: false,
  }));
  let busy = 0;

  // Draws a figure, or draws it anew. All of it but the end is done when this returns, as the paper
  // does not wait.
  async function draw(figure) {
    figure.wanted = true;
    busy += 1;
    window.burnTuneReady = false;
    try {
      const colors = palette();
      const source = figure.sources[figure.select?.selectedIndex ?? 0].textContent;
      const plot = JSON.parse(source, (_, value) => (typeof value === "string" && value.startsWith("--") ? colors.named(value) : value));
      const drawable = hasWebgl() || !plot.data.some(needsWebgl);
      figure.plot.hidden = !drawable;
      figure.missing.hidden = drawable;
      if (drawable) {
        // WebGL plots do not take a new size by themselves.
        const resized = figure.plot._fullLayout?.width !== figure.plot.clientWidth;
        if (resized && plot.data.some(needsWebgl)) Plotly.purge(figure.plot);
        await Plotly.react(figure.plot, dressed(plot, figure.plot, colors));
      } else {
        figure.missing.textContent = "This plot is drawn by WebGL, which this browser does not offer.";
      }
    } finally {
      busy -= 1;
      window.burnTuneReady = busy === 0;
    }
  }

  function needsWebgl(trace) {
    return trace.type === "parcoords" || trace.type === "surface" || /(gl|3d)$/.test(trace.type);
  }

  let webgl;
  function hasWebgl() {
    webgl ??= document.createElement("canvas").getContext("webgl") !== null;
    return webgl;
  }

  function palette() {
    const style = getComputedStyle(root);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    return {
      // The colours that plots leave to the page.
      named: (name) => color(name.slice(2)) || name,
      ink: color("ink"),
      muted: color("muted"),
      line: color("line"),
      strongLine: color("strong-line"),
      surface: color("surface"),
      family: style.fontFamily,
    };
  }

  // The plot in the colours of the page and in the size of its place. What the plot says itself is left
  // to it, but for what a narrow screen has no room for.
  function dressed(plot, place, colors) {
    const layout = {
      ...plot.layout,
      template: template(colors),
      width: place.clientWidth,
      height: place.clientHeight,
      margin: { t: 24, r: 16, b: 48, l: 56, ...plot.layout.margin },
      uirevision: "kept when colours change",
    };
    if (narrow.matches && !root.classList.contains("printing")) {
      layout.margin = { ...layout.margin, l: Math.min(layout.margin.l, 44), r: Math.min(layout.margin.r, 12) };
      layout.legend = { ...layout.legend, orientation: "h", x: 0, xanchor: "left", y: 0, yanchor: "bottom", yref: "container" };
    }
    // A finger that scrolls the page must not be caught by a plot.
    const touch = matchMedia("(pointer: coarse)").matches;
    if (touch) layout.dragmode = false;
    const config = {
      ...plot.config,
      displaylogo: false,
      responsive: true,
      displayModeBar: touch ? false : "hover",
      modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
    };
    return { data: plot.data, layout, config, frames: plot.frames ?? undefined };
  }

  function template(colors) {
    const clear = "rgba(0,0,0,0)";
    const axis = {
      automargin: true,
      gridcolor: colors.line,
      linecolor: colors.strongLine,
      zerolinecolor: colors.strongLine,
      tickcolor: colors.strongLine,
      tickfont: { color: colors.muted },
      title: { standoff: 10 },
    };
    return {
      layout: {
        paper_bgcolor: clear,
        plot_bgcolor: clear,
        font: { family: colors.family, size: narrow.matches ? 11 : 12, color: colors.ink },
        xaxis: { ...axis, zeroline: false },
        yaxis: { ...axis, zeroline: false },
        hoverlabel: {
          bgcolor: colors.surface,
          bordercolor: colors.strongLine,
          font: { family: colors.family, color: colors.ink },
        },
        legend: { bgcolor: clear },
        modebar: { bgcolor: clear, color: colors.muted, activecolor: colors.ink },
      },
    };
  }

  figures.forEach((figure) => {
    figure.select?.addEventListener("change", () => draw(figure));
  });

  function drawAgain() {
    figures.filter((figure) => figure.wanted).forEach(draw);
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAgain);
  narrow.addEventListener("change", drawAgain);

  // Paper gets all figures, light and in its own width.
  function setPrinting(printing) {
    if (root.classList.contains("printing") === printing) return;
    root.classList.toggle("printing", printing);
    figures.filter((figure) => printing || figure.wanted).forEach(draw);
  }

  addEventListener("beforeprint", () => setPrinting(true));
  addEventListener("afterprint", () => setPrinting(false));
  matchMedia("print").addEventListener("change", (event) => setPrinting(event.matches));

  const observer = new IntersectionObserver(
    (entries) => {
      const near = entries.filter((entry) => entry.isIntersecting);
      near.forEach((entry) => observer.unobserve(entry.target));
      const fresh = figures.filter(({ section, wanted }) => !wanted && near.some((entry) => entry.target === section));
      fresh.forEach(draw);
      if (busy === 0) window.burnTuneReady = true;
    },
    { rootMargin: "600px" },
  );
  // True while every figure that was to be drawn is drawn: tests wait for it.
  window.burnTuneReady = figures.length === 0;
  figures.forEach((figure) => observer.observe(figure.section));
})();
