// Tickets: the list, and the pages of one ticket. They work without this file.

// The list: selecting tickets, tidy addresses, shortcuts.
(() => {
  "use strict";
  const find = (selector) => document.querySelector(selector);
  const form = find("[data-tidy]");
  if (!form) return;
  const boxes = () => [...document.querySelectorAll("input[name=ticket]")];
  const bar = find(".bulk-bar");
  const all = find("[data-select-all]");

  // Counts the selected tickets; the bar is shown only while there are any.
  const showSelection = () => {
    if (!bar) return;
    const number = boxes().filter((box) => box.checked).length;
    bar.classList.toggle("is-open", number > 0);
    bar.querySelector("[data-bulk-count]").textContent = number ? `${number} selected` : "";
    all.checked = number === boxes().length;
    all.indeterminate = number > 0 && !all.checked;
  };
  const selectAll = (isSelected) => {
    for (const box of boxes()) box.checked = isSelected;
    showSelection();
  };
  if (bar) {
    all.addEventListener("change", () => selectAll(all.checked));
    find("[data-unselect]").addEventListener("click", () => selectAll(false));
    document.addEventListener("change", (event) => {
      if (event.target.name === "ticket") showSelection();
    });
    window.addEventListener("pageshow", showSelection);
    showSelection();
  }

  // Leave choices that do not narrow the list out of its address.
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) {
      const isUsual = name === "sort" && value === form.dataset.tidy;
      if (!value || isUsual) event.formData.delete(name);
    }
  });

  // Shortcuts
  const dialog = find("#shortcuts");
  const links = () => [...document.querySelectorAll("[data-ticket] .ticket-link")];
  const current = () => {
    const row = document.activeElement.closest("[data-ticket]");
    return row ? row.querySelector(".ticket-link") : null;
  };
  const move = (step) => {
    const rows = links();
    if (!rows.length) return;
    const place = rows.indexOf(current());
    const next = place < 0 ? (step > 0 ? 0 : rows.length - 1) : place + step;
    const link = rows[Math.max(0, Math.min(rows.length - 1, next))];
    link.focus({ focusVisible: true });
    link.scrollIntoView({ block: "nearest" });
  };
  const toggle = () => {
    const link = current();
    if (link) link.closest("[data-ticket]").querySelector("input[name=ticket]").click();
  };
  const keys = {
    j: () => move(1),
    k: () => move(-1),
    o: () => current() && current().click(),
    x: toggle,
    "/": () => find("#filter-q").select(),
    "?": () => dialog.showModal(),
  };
  const isTyping = (element) =>
    element.matches("textarea, select, [contenteditable], input:not([type=checkbox], [type=radio])");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (dialog.open || isTyping(event.target) || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  find("[data-shortcuts]").addEventListener("click", () => dialog.showModal());
})();

// One ticket: unsaved choices, and sending a note by keyboard.
(() => {
  "use strict";

  // Notes and the other buttons save only their own fields. Unsaved choices under "Work" are
  // restored afterwards, unless the ticket itself has changed meanwhile.
  const work = document.getElementById("work");
  const choicesKey = `triagedesk-draft-work-${location.pathname}`;
  if (work) {
    const choices = () => [...work.querySelectorAll("select")].map((select) => ({
      name: select.name, value: select.value, was: work.elements[`was_${select.name}`].value,
    }));
    document.addEventListener("submit", (event) => {
      if (event.target === work || event.target.method !== "post") return;
      const unsaved = choices().filter((one) => one.value !== one.was);
      if (unsaved.length) sessionStorage.setItem(choicesKey, JSON.stringify(unsaved));
    });
    document.addEventListener("click", (event) => {
      if (!event.target.closest("[data-live-show]")) return;
      const unsaved = choices().filter((one) => one.value !== one.was);
      if (unsaved.length) sessionStorage.setItem(choicesKey, JSON.stringify(unsaved));
    });
    for (const one of JSON.parse(sessionStorage.getItem(choicesKey) || "[]")) {
      const select = work.elements[one.name];
      if (!select || work.elements[`was_${one.name}`].value !== one.was) continue;
      if (![...select.options].some((option) => option.value === one.value)) continue;
      select.value = one.value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    }
    sessionStorage.removeItem(choicesKey);
  }

  // Ctrl+Enter (⌘+Enter) in the note sends it.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    if (!event.target.matches("textarea") || !event.target.form) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  });
})();
