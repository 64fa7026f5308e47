// Ctrl+K (⌘+K): finds tickets, pages, and what can be done on this page. A combobox with a list, as
// screen readers know it; what the server answers is only ever shown as text.
(() => {
  "use strict";
  const dialog = document.getElementById("palette");
  if (!dialog) return;
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("[role=listbox]");
  const words = dialog.querySelector("[data-palette-words]");
  const MOST = 8;
  const LEAST_TYPED = 2;
  const PAUSE = 150; // milliseconds without a key before tickets are asked for
  const isMac = /Mac|iP(hone|ad)/.test(navigator.platform);
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

  // Pages and actions stand on the page itself; a part that has gone or is switched off is none.
  const pages = () =>
    [...document.querySelectorAll(".app-nav a, #palette [data-page]")].map((link) => ({
      group: "Pages", words: link.textContent.trim(), facts: [], run: () => link.click(),
    }));
  const isThere = (part) => !part.disabled && (dialog.contains(part) || part.checkVisibility());
  const actions = () =>
    [...document.querySelectorAll("[data-action]")].filter(isThere).map((part) => ({
      group: "Actions",
      words: part.dataset.action,
      facts: [part.dataset.key].filter(Boolean),
      run: () => (part.closest("#palette") ? part.click() : window.triagedeskReach(part)),
    }));
  let tickets = [];
  let shown = [];
  let chosen = 0;
  let isAsking = false;
  let isEntered = false; // Enter was pressed before there was anything to open

  const fits = ({ words, facts, group }) => {
    const typed = plain(input.value).split(/\s+/).filter(Boolean);
    const text = plain(group === "Tickets" ? [words, ...facts].join(" ") : words);
    return typed.every((word) => text.includes(word));
  };
  const show = () => {
    const isEmpty = !input.value.trim();
    const others = [...actions(), ...pages()].filter(fits);
    shown = [...(isEmpty ? [] : tickets), ...others].slice(0, isEmpty ? 3 * MOST : 2 * MOST);
    chosen = Math.min(chosen, Math.max(0, shown.length - 1));
    list.replaceChildren(...groups());
    words.textContent = shown.length ? `${shown.length} found` : isAsking ? "Looking for it" : "Nothing found";
    mark();
  };
  const groups = () => {
    const parts = new Map();
    shown.forEach((one, place) => {
      if (!parts.has(one.group)) parts.set(one.group, groupOf(one.group));
      parts.get(one.group).append(optionOf(one, place));
    });
    return parts.values();
  };
  const element = (tag, values, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(values)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const groupOf = (name) => {
    const heading = element("p", { class: "note", role: "presentation" }, name);
    return element("div", { role: "group", "aria-label": name }, heading);
  };
  const optionOf = (one, place) => {
    const facts = one.facts.length ? [element("small", {}, one.facts.join(" · "))] : [];
    const option = element(
      "div",
      { role: "option", id: `palette-${place}`, "aria-selected": "false" },
      element("span", { class: "text-truncate" }, one.words),
      ...facts,
    );
    option.addEventListener("click", () => run(place));
    return option;
  };
  const mark = () => {
    for (const option of list.querySelectorAll("[role=option]")) {
      const isChosen = option.id === `palette-${chosen}`;
      option.setAttribute("aria-selected", String(isChosen));
      if (isChosen) option.scrollIntoView({ block: "nearest" });
    }
    if (shown.length) input.setAttribute("aria-activedescendant", `palette-${chosen}`);
    else input.removeAttribute("aria-activedescendant");
  };
  const run = (place) => {
    const one = shown[place];
    if (!one) return;
    dialog.close();
    one.run();
  };

  // What was chosen stays so when tickets come in above it.
  const takeIn = (found) => {
    const before = shown[chosen];
    tickets = found;
    isAsking = false;
    show();
    const place = shown.findIndex(({ group, words: said }) => before && group === before.group && said === before.words);
    if (place > 0 && before.group !== "Tickets") {
      chosen = place;
      mark();
    }
    if (isEntered) run(chosen);
    isEntered = false;
  };

  // Only the answer to what stands in the field now is shown.
  let asked = new AbortController();
  let timer = 0;
  const ask = async () => {
    asked.abort();
    asked = new AbortController();
    const typed = input.value.trim();
    if (typed.length < LEAST_TYPED && !/\d/.test(typed)) {
      takeIn([]);
      return;
    }
    try {
      const url = `${dialog.dataset.find}?q=${encodeURIComponent(typed)}`;
      const answer = await fetch(url, { headers: { "HX-Request": "true" }, signal: asked.signal });
      if (!answer.ok) throw new Error(answer.status === 401 ? "You have been signed out meanwhile." : "");
      const found = await answer.json();
      takeIn(found.map(({ url: target, number, what, facts }) => ({
        group: "Tickets", words: `${number} ${what}`, facts, run: () => location.assign(target),
      })));
    } catch (error) {
      if (error.name === "AbortError") return;
      isEntered = false;
      takeIn([]);
      words.textContent = error.message && error.name === "Error" ? error.message : "Tickets cannot be looked up just now.";
    }
  };
  input.addEventListener("input", () => {
    chosen = 0;
    isAsking = true;
    isEntered = false;
    tickets = tickets.filter(fits); // Enter must not open what was looked for before
    show();
    asked.abort();
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  });
  input.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.isComposing) return;
    if (event.key === "Enter" && !shown.length) isEntered = isAsking;
    else if (event.key === "Enter") run(chosen);
    else if (!steps[event.key]) return;
    else if (shown.length) chosen = (chosen + steps[event.key] + shown.length) % shown.length;
    event.preventDefault();
    mark();
  });

  const open = () => {
    for (const other of document.querySelectorAll("dialog[open]")) other.close();
    input.value = "";
    asked.abort();
    clearTimeout(timer);
    isAsking = false;
    isEntered = false;
    tickets = [];
    chosen = 0;
    dialog.showModal();
    show();
  };
  document.addEventListener("keydown", (event) => {
    const isAsked = isMac ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
    if (!isAsked || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else open();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });
  for (const button of document.querySelectorAll("[data-palette]")) button.addEventListener("click", open);
})();
