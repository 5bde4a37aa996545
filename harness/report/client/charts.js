// @ts-check
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
// Draws the charts of the page from the data that it carries (chart_spec.ts). It computes nothing: it chooses colours,
// dashes and markers, and which arms are in front. A chart is drawn when it comes near the screen.

/**
 * @typedef {{ name: string, color: number, dash: number, marker: number }} Arm
 * @typedef {{ arm: number, x: number[][], y: number[], lower?: number[], upper?: number[] }} Line
 * @typedef {{ id: string, title: string, views: string[], percent: boolean, percentBelow?: boolean,
 *   range?: [number, number], stepped?: boolean, lines: Line[] }} Spec
 * @typedef {import("chart.js").ChartDataset<"line", { x: number, y: number }[]> & { told: string }} Dataset
 */

/** The library, which stands in a script before this one. @type {typeof import("chart.js").Chart} */
const Chart = Reflect.get(globalThis, "Chart");
/** @type {{ arms: Arm[], charts: Spec[] }} */
const data = JSON.parse(document.getElementById("charts")?.textContent ?? '{"arms":[],"charts":[]}');

/** The same in view.ts. */
const DASHES = [[], [6, 3], [2, 3], [9, 3, 2, 3]];
/** @type {import("chart.js").PointStyle[]} */
const MARKERS = ["circle", "triangle", "rect", "rectRot", "cross", "crossRot"];
/** A line has about so many markers. */
const MARKED = 8;

/** @type {Map<string, import("chart.js").Chart<"line", { x: number, y: number }[]>>} */
const drawn = new Map();

const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

/** A colour of page.css in the theme at hand, as rgb(…). @param {string} name */
function colorOf(name) {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

/** Arms that are in front. */
const chosen = () =>
  new Set(
    [...document.querySelectorAll('#arms input[name="arm"]:checked')].map((box) => Number(box.getAttribute("value"))),
  );

/** @param {Spec} spec */
const viewOf = ({ id }) =>
  Number(document.querySelector(`input[name="${CSS.escape(id)}-view"]:checked`)?.getAttribute("value") ?? 0);

/** @param {number} value @param {boolean} percent */
const told = (value, percent) => {
  if (percent) return `${Number((100 * value).toFixed(1))} %`;
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))} k`;
  return String(Number(value.toPrecision(3)));
};

/**
 * The lines of a chart; the library draws the last first. A band is two lines without a stroke, below all others.
 * @param {Spec} spec @returns {Dataset[]}
 */
function datasetsOf(spec) {
  const front = chosen(), view = viewOf(spec);
  /** @param {Line} line @param {number[]} values */
  const points = ({ x }, values) => values.map((y, i) => ({ x: x[view]?.[i] ?? 0, y }));
  /** @param {Line} line @returns {Dataset[]} */
  const lineOf = (line) => {
    const arm = data.arms[line.arm], every = Math.max(1, Math.ceil(line.y.length / MARKED));
    if (!arm) return [];
    const inFront = front.has(line.arm);
    return [{
      told: inFront ? arm.name : "",
      data: points(line, line.y),
      borderColor: colorOf(inFront ? `--c${arm.color}` : "--faint"),
      backgroundColor: colorOf("--paper"),
      borderWidth: inFront ? 2 : 1,
      borderDash: inFront ? DASHES[arm.dash] ?? [] : [],
      pointStyle: MARKERS[arm.marker] ?? "circle",
      pointRadius: ({ dataIndex }) => inFront && (dataIndex + line.arm) % every === 0 && !spec.stepped ? 3.5 : 0,
      pointBorderWidth: 1.5,
      pointHoverRadius: inFront ? 5 : 0,
      stepped: spec.stepped ? "before" : false,
    }];
  };
  /** @param {Line} line @returns {Dataset[]} */
  const bandOf = (line) => {
    const arm = data.arms[line.arm], { lower, upper } = line;
    if (!arm || !lower || !upper || !front.has(line.arm)) return [];
    const edge = {
      told: "",
      borderWidth: 0,
      pointRadius: 0,
      pointHoverRadius: 0,
      stepped: spec.stepped ? /** @type {const} */ ("before") : false,
      backgroundColor: colorOf(`--c${arm.color}`).replace(/^rgb\((.*)\)$/, "rgba($1, 0.13)"),
    };
    return [{ ...edge, data: points(line, lower) }, { ...edge, data: points(line, upper), fill: "-1" }];
  };
  const lines = spec.lines.toSorted((a, b) => Number(front.has(b.arm)) - Number(front.has(a.arm)));
  return [...lines.flatMap(lineOf), ...lines.flatMap(bandOf)];
}

/** @param {Spec} spec @returns {import("chart.js").ChartOptions<"line">} */
function optionsOf(spec) {
  const ink = colorOf("--quiet"),
    rule = colorOf("--rule"),
    font = { family: getComputedStyle(document.body).fontFamily, size: 12 };
  const ticks = { color: ink, font, maxRotation: 0, autoSkipPadding: 12 };
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    parsing: false,
    normalized: true,
    interaction: { mode: "nearest", axis: "x", intersect: false },
    scales: {
      x: {
        type: "linear",
        title: { display: true, text: spec.views[viewOf(spec)], color: ink, font },
        ticks: { ...ticks, callback: (value) => told(Number(value), spec.percentBelow === true) },
        grid: { display: false },
        border: { color: rule },
      },
      y: {
        type: "linear",
        suggestedMin: spec.range?.[0],
        suggestedMax: spec.range?.[1],
        ticks: { ...ticks, maxTicksLimit: 6, callback: (value) => told(Number(value), spec.percent) },
        grid: { color: rule },
        border: { display: false },
      },
    },
    plugins: {
      legend: { display: false },
      tooltip: {
        filter: ({ dataset }) => Reflect.get(dataset, "told"),
        itemSort: (a, b) => Number(b.parsed.y) - Number(a.parsed.y),
        callbacks: {
          title: ([first]) =>
            first ? `${spec.views[viewOf(spec)]}: ${told(Number(first.parsed.x), spec.percentBelow === true)}` : "",
          label: ({ dataset, parsed }) => ` ${Reflect.get(dataset, "told")}: ${told(Number(parsed.y), spec.percent)}`,
        },
        backgroundColor: colorOf("--paper"),
        titleColor: colorOf("--ink"),
        bodyColor: colorOf("--ink"),
        borderColor: rule,
        borderWidth: 1,
        usePointStyle: true,
        titleFont: { ...font, weight: "normal" },
        bodyFont: font,
      },
    },
  };
}

/** @param {string} id */
function draw(id) {
  const spec = data.charts.find((chart) => chart.id === id);
  const canvas = document.querySelector(`[data-chart="${CSS.escape(id)}"] canvas`);
  if (!spec || !(canvas instanceof HTMLCanvasElement)) return;
  const chart = drawn.get(id);
  if (!chart) {
    drawn.set(id, new Chart(canvas, { type: "line", data: { datasets: datasetsOf(spec) }, options: optionsOf(spec) }));
    return;
  }
  chart.data.datasets = datasetsOf(spec);
  chart.options = optionsOf(spec);
  chart.update();
}

const redraw = () => [...drawn.keys()].forEach(draw);

/** A chart that no chosen arm has a line in is put away. */
function putAway() {
  const front = chosen();
  for (const { id, lines } of data.charts) {
    const figure = document.querySelector(`[data-chart="${CSS.escape(id)}"]`);
    if (figure instanceof HTMLElement) figure.hidden = front.size > 0 && !lines.some(({ arm }) => front.has(arm));
  }
}
putAway();

const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const id = target.getAttribute("data-chart");
    if (!isIntersecting || id === null) continue;
    near.unobserve(target);
    draw(id);
  }
}, { rootMargin: "300px" });
for (const figure of document.querySelectorAll("[data-chart]")) near.observe(figure);

document.addEventListener("themechange", redraw);
addEventListener("beforeprint", () => data.charts.forEach(({ id }) => draw(id)));
for (const { id } of data.charts) {
  for (const choice of document.querySelectorAll(`input[name="${CSS.escape(id)}-view"]`)) {
    choice.addEventListener("change", () => draw(id));
  }
}

const arms = document.getElementById("arms");
arms?.addEventListener("change", () => {
  putAway();
  redraw();
  document.dispatchEvent(new CustomEvent("armschange"));
});
for (const button of document.querySelectorAll("button[data-arms]")) {
  button.addEventListener("click", () => {
    for (const box of document.querySelectorAll('#arms input[name="arm"]')) {
      if (box instanceof HTMLInputElement) box.checked = button.getAttribute("data-arms") === "all";
    }
    arms?.dispatchEvent(new Event("change"));
  });
}
