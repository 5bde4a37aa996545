// @ts-check
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
// The browser of questions: unpacks what the page carries (questions.ts) when it is looked at, filters it, and shows what
// each chosen arm answered. Everything it shows is set as text, never as markup.

/**
 * @typedef {{ cells: [number, number][], questions: [string, string, string][], statuses: string[], pieces: number[],
 *   rewards: string[] }} Index
 * @typedef {[completion: string, extracted: string | null, tokens: number, rewards: number[]]} Said
 * @typedef {[said: Said[], answers: [letter: string, place: number][][]]} Question
 */

/** Questions that are shown at once. */
const PAGE = 25;
/** A completion is clipped here until a reader asks for all of it. */
const CLIP = 600;
/** A question, in the list. */
const CLIP_QUESTION = 240;

/** @type {Readonly<Record<string, readonly [sign: string, word: string]>>} */
const STATUS = {
  c: ["✓", "correct"],
  w: ["✗", "wrong"],
  u: ["∅", "unparseable"],
  t: ["…", "truncated"],
  o: ["?", "undecided in time"],
  "-": ["–", "no answer"],
};

/** @param {string} id @returns {Promise<unknown>} */
async function unpack(id) {
  const text = atob(document.getElementById(id)?.textContent ?? "");
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
}

/**
 * @param {string} name @param {{ class?: string, text?: string | undefined }} [options] @param {(Node | string)[]} children
 * @returns {HTMLElement}
 */
function make(name, options = {}, ...children) {
  const element = document.createElement(name);
  if (options.class) element.className = options.class;
  if (options.text !== undefined) element.textContent = options.text;
  element.append(...children);
  return element;
}

/** @param {string} text @param {number} length */
const clipped = (text, length) => text.length > length ? `${text.slice(0, length)}…` : text;

/** @type {Map<number, Promise<Question[]>>} */
const pieces = new Map();

/** @param {Index} index @param {number} place @returns {Promise<Question | undefined>} */
async function questionAt({ pieces: starts }, place) {
  const piece = starts.findLastIndex((start) => start <= place);
  if (!pieces.has(piece)) {
    pieces.set(piece, unpack(`question-piece-${piece}`).then((value) => /** @type {Question[]} */ (value)));
  }
  return (await pieces.get(piece))?.[place - (starts[piece] ?? 0)];
}

/** @param {Index} index */
function browse(index) {
  const form = /** @type {HTMLFormElement} */ (document.getElementById("filters"));
  const list = /** @type {HTMLElement} */ (document.getElementById("questions"));
  const found = /** @type {HTMLElement} */ (document.getElementById("found"));
  const more = /** @type {HTMLButtonElement} */ (document.getElementById("more"));
  const places = new Map(index.cells.map(([arm, seed], place) => [`${arm} ${seed}`, place]));
  /** Places of the questions that the filters let through. @type {number[]} */
  let matching = [];
  let run = 0;

  /** @param {string} name */
  const field = (name) => String(new FormData(form).get(name) ?? "");
  const chosenArms = () =>
    [...document.querySelectorAll('#arms input[name="arm"]:checked')].map((box) => Number(box.getAttribute("value")));
  /** @param {number} arm */
  const cellOf = (arm) => places.get(`${arm} ${field("seed")}`);
  /** @param {number} arm @param {number} place */
  const statusOf = (arm, place) => {
    const cell = cellOf(arm);
    return cell === undefined ? "-" : index.statuses[cell]?.[place] ?? "-";
  };

  /** @param {number} place @param {number[]} arms */
  function passes(place, arms) {
    const right = field("right"), status = field("status");
    const [first, second] = [Number(field("first")), Number(field("second"))].map((arm) =>
      statusOf(arm, place) === "c"
    );
    const statuses = arms.map((arm) => statusOf(arm, place)).filter((letter) => letter !== "-");
    const correct = statuses.filter((letter) => letter === "c").length;
    if (status !== "" && !statuses.includes(status)) return false;
    if (right === "one") return first && !second;
    if (right === "other") return second && !first;
    if (right === "differ") return correct > 0 && correct < statuses.length;
    if (right === "all") return statuses.length > 0 && correct === statuses.length;
    if (right === "none") return correct === 0;
    return true;
  }

  /** @param {number} place @param {number[]} arms @param {string} text */
  async function contains(place, arms, text) {
    if (index.questions[place]?.some((part) => part.toLowerCase().includes(text))) return true;
    const question = await questionAt(index, place);
    return arms.some((arm) => {
      const cell = cellOf(arm), answers = cell === undefined ? undefined : question?.[1][cell];
      return answers?.some(([, said]) => question?.[0][said]?.[0].toLowerCase().includes(text));
    });
  }

  async function filter() {
    const mine = ++run, arms = chosenArms(), text = field("text").trim().toLowerCase();
    let all = index.questions.map((_, place) => place).filter((place) => passes(place, arms));
    if (text !== "") {
      found.textContent = "Searching …";
      const hits = await Promise.all(all.map((place) => contains(place, arms, text)));
      if (mine !== run) return;
      all = all.filter((_, i) => hits[i]);
    }
    matching = all;
    list.replaceChildren();
    show();
  }

  function show() {
    const shown = list.children.length;
    list.append(...matching.slice(shown, shown + PAGE).map(item));
    more.hidden = list.children.length >= matching.length;
    const count = matching.length, all = index.questions.length;
    found.textContent = count === 0
      ? `None of ${all} questions fits these filters.`
      : `${count} of ${all} questions, ${list.children.length} shown.`;
  }

  /** @param {number} place */
  function item(place) {
    const [id = "", question = "", gold = ""] = index.questions[place] ?? [];
    const arms = chosenArms(), statuses = arms.map((arm) => statusOf(arm, place));
    const marks = make(
      "span",
      { class: "marks" },
      ...statuses.map((letter) => make("span", { class: `mark ${letter}`, text: STATUS[letter]?.[0] })),
    );
    marks.setAttribute("aria-hidden", "true");
    const right = statuses.filter((letter) => letter === "c").length;
    const summary = make(
      "summary",
      {},
      make("bdi", { class: "asked", text: clipped(question, CLIP_QUESTION) }),
      make("span", { class: "tally" }, marks, ` ${right} of ${statuses.length} right`),
    );
    const answers = make("div", { class: "answers" });
    const details = /** @type {HTMLDetailsElement} */ (make("details", {}, summary, answers));
    details.addEventListener("toggle", () => {
      if (details.open && answers.children.length === 0) open(answers, place, id, question, gold);
    });
    return make("li", {}, details);
  }

  /** @param {HTMLElement} into @param {number} place @param {string} id @param {string} question @param {string} gold */
  async function open(into, place, id, question, gold) {
    const head = make(
      "p",
      { class: "gold" },
      "Gold answer ",
      make("b", {}, make("bdi", { text: clipped(gold, CLIP) })),
      " · ",
      make("code", { text: id }),
    );
    into.append(...(question.length > CLIP_QUESTION ? [long(question)] : []), head);
    const packed = await questionAt(index, place);
    const cards = chosenArms().map((arm) => card(arm, statusOf(arm, place), packed));
    into.append(make("div", { class: "cards" }, ...cards));
  }

  /** @param {number} arm @param {string} letter @param {Question | undefined} packed */
  function card(arm, letter, packed) {
    const cell = cellOf(arm), answers = (cell === undefined ? undefined : packed?.[1][cell]) ?? [];
    const [greedy, ...samples] = answers;
    const label = document.querySelector(`#arms input[value="${arm}"]`)?.parentElement;
    const name = make(
      "h4",
      {},
      ...[...(label?.querySelectorAll("svg, bdi") ?? [])].map((node) => node.cloneNode(true)),
    );
    const [sign = "", word = ""] = STATUS[letter] ?? [];
    const status = make("p", { class: "status" }, make("span", { class: `mark ${letter}`, text: sign }), ` ${word}`);
    const body = greedy
      ? said(packed?.[0][greedy[1]])
      : [make("p", { class: "absent", text: "No answer with this seed." })];
    const rest = samples.length === 0 ? [] : [make(
      "details",
      { class: "samples" },
      make("summary", {
        text: `${samples.length} samples, ${samples.filter(([status]) => status === "c").length} right`,
      }),
      ...samples.flatMap(([status, place]) => [
        make("p", { class: "status", text: (STATUS[status] ?? []).join(" ") }),
        ...said(packed?.[0][place]),
      ]),
    )];
    return make("article", { class: "card" }, name, status, ...body, ...rest);
  }

  /** @param {Said | undefined} one @returns {HTMLElement[]} */
  function said(one) {
    if (!one) return [make("p", { class: "absent", text: "What was said was not kept." })];
    const [completion, extracted, tokens, rewards] = one;
    const paid = index.rewards.map((name, i) => `${name} ${Number((rewards[i] ?? 0).toFixed(3))}`).join(", ");
    return [
      long(completion),
      make(
        "p",
        { class: "fine" },
        extracted === null ? "no answer found" : "answer ",
        ...(extracted === null ? [] : [make("bdi", { class: "extracted", text: clipped(extracted, 80) })]),
        ` · ${tokens} tokens · ${paid}`,
      ),
    ];
  }

  /** A text that may be long. @param {string} text */
  function long(text) {
    const pre = make("pre", { class: "said", text: clipped(text, CLIP) });
    pre.dir = "auto";
    if (text.length <= CLIP) return pre;
    const button = make("button", { text: `Show all ${text.length} characters` });
    button.setAttribute("type", "button");
    button.addEventListener("click", () => {
      pre.textContent = text;
      button.remove();
    });
    return make("div", {}, pre, button);
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pause;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", filter);
  form.addEventListener("input", ({ target }) => {
    if (!(target instanceof HTMLInputElement)) return;
    clearTimeout(pause);
    pause = setTimeout(filter, 200);
  });
  document.addEventListener("armschange", filter);
  more.addEventListener("click", () => {
    const next = list.children.length;
    show();
    list.children[next]?.querySelector("summary")?.focus();
  });
  document.addEventListener("keydown", (event) => {
    const { key, target, ctrlKey, metaKey, altKey } = event;
    if (!["j", "k"].includes(key) || ctrlKey || metaKey || altKey) return;
    if (target instanceof HTMLElement && target.matches("input:not([type=checkbox], [type=radio]), select, textarea")) {
      return;
    }
    const heads = [...list.querySelectorAll(":scope > li > details > summary")];
    const at = heads.findIndex((head) => head.parentElement?.contains(document.activeElement));
    const next = heads[at === -1 ? 0 : at + (key === "j" ? 1 : -1)];
    if (next instanceof HTMLElement) next.focus();
  });
  return filter();
}

if (document.getElementById("question-index")) {
  await browse(/** @type {Index} */ (await unpack("question-index")));
}
