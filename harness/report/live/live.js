// Asks the server how far the experiment is, and offers the newer report; it never takes the reader from their place.

const EVERY = 3000;
const at = (id) => document.getElementById(id);
const frame = at("report");
let timer = 0;

/** Version of the records that the frame shows: the last part of its address. */
const shownVersion = () => {
  const { pathname } = frame.contentWindow.location;
  return pathname.startsWith("/report/") ? pathname.slice("/report/".length) : null;
};

const show = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === "";
};

const ago = (milliseconds) => {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 90) return `${seconds} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
};

const row = (texts) => {
  const line = document.createElement("tr");
  for (const text of texts) line.append(Object.assign(document.createElement("td"), { textContent: text }));
  return line;
};

const update = ({ status, finished, cells, running, failed, changedAt, version, problem }) => {
  const done = cells === 0 ? "no cell yet" : `${finished} of ${cells} cells finished`;
  const age = status === "running" && changedAt > 0 ? `, last change ${ago(Date.now() - changedAt)} ago` : "";
  show(at("state"), `${status ?? "nothing recorded yet"}: ${done}${age}`);
  at("progress").hidden = cells === 0 || finished === cells;
  at("progress").value = cells === 0 ? 0 : finished / cells;
  at("cells").hidden = running.length === 0;
  at("running").replaceChildren(...running.map((cell) =>
    row([
      `${cell.arm} seed ${cell.seed}`,
      cell.of === null ? `${cell.updates}` : `${cell.updates} of ${cell.of}`,
      cell.reward === null ? "" : cell.reward.toFixed(2),
      cell.completionLength === null ? "" : cell.completionLength.toFixed(1),
    ])
  ));
  show(at("failed"), failed.map(({ arm, seed, failure }) => `${arm} seed ${seed} failed: ${failure}`).join(" "));
  show(at("problem"), problem ?? "");
  const shown = shownVersion();
  at("reload").hidden = shown === null || shown === version;
};

const ask = async () => {
  clearTimeout(timer);
  try {
    const answer = await fetch("/live.json", { cache: "no-store" });
    if (!answer.ok) throw new Error(await answer.text());
    update(await answer.json());
  } catch (error) {
    const gone = error instanceof TypeError;
    show(at("problem"), gone ? "The server has ended: this is the last that it showed." : error.message);
  }
  if (!document.hidden) timer = setTimeout(ask, EVERY);
};

/** What a reader can open or fill in, by a name that holds in the next report as well. */
const controlsOf = (page) => {
  const seen = new Map();
  return [...page.querySelectorAll("details, input, select")].flatMap((element) => {
    const { tagName, id, name, type, value } = element;
    const isChoice = type === "checkbox" || type === "radio";
    const label = tagName === "DETAILS"
      ? element.querySelector("summary")?.textContent
      : [id, name, isChoice ? value : ""].join(" ");
    const key = `${tagName} ${label}`, before = seen.get(key) ?? 0;
    seen.set(key, before + 1);
    return [{ element, key: `${key} ${before}` }];
  });
};

const restore = (element, { open, value, checked }) => {
  if (element.tagName === "DETAILS") return void (element.open = open);
  if (element.value === value && element.checked === checked) return;
  [element.value, element.checked] = [value, checked];
  for (const type of ["input", "change"]) element.dispatchEvent(new Event(type, { bubbles: true }));
};

/** Loads the newest report and goes back to where the reader was: the place, the open parts, what was filled in. */
const reload = () => {
  const before = frame.contentWindow, { scrollX, scrollY } = before, hash = before.location.hash;
  const left = new Map(
    controlsOf(frame.contentDocument).map((
      { element: { open, value, checked }, key },
    ) => [key, { open, value, checked }]),
  );
  at("reload").disabled = true;
  frame.addEventListener("load", () => {
    at("reload").disabled = false;
    const { contentWindow: after, contentDocument: page } = frame;
    const goBack = () => {
      for (const { element, key } of controlsOf(page)) {
        if (left.has(key)) restore(element, left.get(key));
        left.delete(key); // once: what the reader does from now on stays
      }
      after.scrollTo({ left: scrollX, top: scrollY, behavior: "instant" });
    };
    const late = new MutationObserver(goBack); // some parts are made after the page is there
    late.observe(page.body, { childList: true, subtree: true });
    const stop = () => late.disconnect();
    for (const type of ["wheel", "touchstart", "keydown", "pointerdown"]) {
      after.addEventListener(type, stop, { once: true });
    }
    setTimeout(stop, 2000);
    goBack();
    ask();
  }, { once: true });
  before.location.replace(`/report${hash}`);
};

at("reload").addEventListener("click", reload);
frame.addEventListener("load", ask);
document.addEventListener("visibilitychange", () => document.hidden || ask());
ask();
