// Sorting, filtering and deep links of the leaderboard's page. Without it the page is a plain table in order of tiers.
// State lives in the address: #task=…&arm=…&sort=score&order=descending&row=r-…; a bare #r-… is a row's anchor.

const FILTERS = ["task", "policy", "budget", "arm", "device", "verified"];
/** Rows of a group that are drawn before more are asked for; page.css has the same number. */
const FIRST_ROWS = 200;
const box = document.querySelector(".filters");
const form = box.querySelector("form");
const output = form.querySelector("output");
const groups = [...document.querySelectorAll(".group")].map((section) => {
  const body = section.querySelector("tbody"), rows = [...body.rows];
  const more = document.createElement("button");
  more.type = "button";
  more.className = "more";
  more.hidden = true;
  section.append(more);
  return { section, body, rows, order: rows, all: false, more, heads: [...section.querySelectorAll("thead th")] };
});
const total = groups.reduce((sum, { rows }) => sum + rows.length, 0);

/** What the address says; unknown keys and values are left out. */
function readState() {
  const hash = location.hash.slice(1);
  if (/^[rg]-/.test(hash)) return { filters: {}, search: "", sort: null, order: null, row: hash };
  const given = new URLSearchParams(hash), filters = {};
  for (const name of FILTERS) {
    const value = given.get(name);
    if (value !== null && [...form.elements[name].options].some((option) => option.value === value)) {
      filters[name] = value;
    }
  }
  const keys = [...document.querySelectorAll("th[data-key]")].map((head) => head.dataset.key).filter((key) =>
    key !== ""
  );
  const sort = keys.includes(given.get("sort")) ? given.get("sort") : null;
  const order = given.get("order") === "ascending" ? "ascending" : "descending";
  return { filters, search: given.get("find") ?? "", sort, order: sort && order, row: given.get("row") };
}

function hashOf({ filters, search, sort, order, row }) {
  const parts = new URLSearchParams();
  for (const name of FILTERS) if (filters[name]) parts.set(name, filters[name]);
  if (search) parts.set("find", search);
  if (sort) parts.set("sort", sort);
  if (sort) parts.set("order", order);
  if (row) parts.set("row", row);
  const alone = row && [...parts].length === 1;
  return alone ? row : String(parts);
}

let state = readState();

/** Keeps the state in the address, without a step back in the history for each letter typed. */
function change(next) {
  state = { ...state, ...next };
  const hash = hashOf(state);
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  show();
}

function matches(section, row) {
  const { filters, search } = state;
  const own = { ...section.dataset, ...row.dataset };
  if (FILTERS.some((name) => filters[name] && !(own[name] ?? "").split("\n").includes(filters[name]))) return false;
  return search === "" || row.textContent.toLowerCase().includes(search.toLowerCase());
}

/** Numbers before texts before nothing, whichever way they are sorted. */
function sorted({ rows, heads }) {
  const column = heads.findIndex((head) => head.dataset.key === state.sort);
  if (column === -1) return rows;
  const way = state.order === "ascending" ? 1 : -1;
  const keys = new Map(rows.map((row) => {
    const value = row.cells[column].dataset.v ?? "";
    return [row, value === "" ? null : isNaN(value) ? value : Number(value)];
  }));
  return rows.toSorted((a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    if (x === null || y === null) return (x === null ? 1 : 0) - (y === null ? 1 : 0);
    return way * (x < y ? -1 : x > y ? 1 : 0);
  });
}

function show() {
  let found = 0;
  for (const group of groups) found += showGroup(group);
  for (const name of FILTERS) form.elements[name].value = state.filters[name] ?? "";
  if (form.elements.find.value !== state.search) form.elements.find.value = state.search;
  output.textContent = found === total ? `${total} rows` : `${found} of ${total} rows`;
  for (const row of document.querySelectorAll("tr.marked")) row.classList.remove("marked");
  document.getElementById(state.row ?? "")?.classList.add("marked");
}

/** Shows a group's rows that match, the first FIRST_ROWS of them unless more are wanted. Returns how many match. */
function showGroup(group) {
  const { section, body, heads, more } = group, order = sorted(group);
  if (order.some((row, i) => row !== group.order[i])) body.append(...order);
  group.order = order;
  const fitting = order.filter((row) => matches(section, row));
  if (fitting.findIndex((row) => row.id === state.row) >= FIRST_ROWS) group.all = true;
  const shown = new Set(group.all ? fitting : fitting.slice(0, FIRST_ROWS));
  for (const row of order) if (row.hidden === shown.has(row)) row.hidden = !shown.has(row);
  section.hidden = fitting.length === 0;
  more.hidden = shown.size === fitting.length;
  more.textContent = `Show all ${fitting.length} rows`;
  body.classList.add("scripted-rows");
  body.classList.toggle("resorted", state.sort !== null);
  for (const head of heads) {
    if (head.dataset.key && head.dataset.key === state.sort) head.setAttribute("aria-sort", state.order);
    else head.removeAttribute("aria-sort");
  }
  return fitting.length;
}

/** Brings the row or group of the address into view. */
function goToRow() {
  document.getElementById(state.row ?? "")?.scrollIntoView({ block: state.row.startsWith("g-") ? "start" : "center" });
}

for (const group of groups) {
  group.more.addEventListener("click", () => {
    group.all = true;
    show();
  });
}
addEventListener("beforeprint", () => {
  for (const group of groups) group.all = true;
  show();
});
for (const { heads } of groups) {
  for (const head of heads) {
    if (!head.dataset.key) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    const first = head.dataset.first ?? "descending";
    const other = first === "descending" ? "ascending" : "descending";
    button.addEventListener("click", () => {
      const { key } = head.dataset;
      if (state.sort !== key) change({ sort: key, order: first });
      else if (state.order === first) change({ order: other });
      else change({ sort: null, order: null });
    });
  }
}
for (const name of FILTERS) {
  form.elements[name].addEventListener("change", ({ target }) => {
    change({ filters: { ...state.filters, [name]: target.value } });
  });
}
form.elements.find.addEventListener("input", ({ target }) => change({ search: target.value }));
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", (event) => {
  event.preventDefault();
  change({ filters: {}, search: "", sort: null, order: null, row: null });
});
document.addEventListener("click", (event) => {
  const anchor = event.target.closest("a.anchor");
  if (!anchor) return;
  event.preventDefault();
  change({ row: anchor.hash.slice(1) });
});
addEventListener("hashchange", () => {
  state = readState();
  show();
  goToRow();
});
box.hidden = false;
box.open = matchMedia("(min-width: 40rem)").matches || hashOf({ ...state, row: null }) !== "";
show();
goToRow();
