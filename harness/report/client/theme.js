// @ts-check
/// <reference lib="dom" />
// Light or dark: the reader's system decides until the button is pressed, and the choice is kept where the browser keeps
// things for a page. Runs before anything is shown, so that nothing flashes. Tells the charts by the event "themechange".

{
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const key = "matchbox-theme";

  /** A page opened from a file may have no storage. @returns {string | null} */
  const kept = () => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  /** @param {string} theme */
  const keep = (theme) => {
    try {
      localStorage.setItem(key, theme);
    } catch {
      // the choice holds until the page is closed
    }
  };
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  const show = () => {
    const button = document.getElementById("theme");
    if (button) {
      button.hidden = false;
      button.setAttribute("aria-pressed", String(isDark()));
    }
    document.dispatchEvent(new CustomEvent("themechange"));
  };

  const theme = kept();
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
  root.classList.add("scripted");
  document.addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("theme")?.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      keep(root.dataset.theme);
      show();
    });
    const contents = document.querySelector(".contents details");
    if (contents instanceof HTMLDetailsElement) contents.open = matchMedia("(min-width: 75rem)").matches;
  });
  system.addEventListener("change", show);

  /** Paper is light, and shows what is folded. @type {Element[]} */
  let unfolded = [];
  let before = root.dataset.theme;
  addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    root.dataset.theme = "light";
    unfolded = [...document.querySelectorAll("details.reading:not([open])")];
    for (const details of unfolded) details.setAttribute("open", "");
    show();
  });
  addEventListener("afterprint", () => {
    if (before === undefined) delete root.dataset.theme;
    else root.dataset.theme = before;
    for (const details of unfolded) details.removeAttribute("open");
    show();
  });
}
