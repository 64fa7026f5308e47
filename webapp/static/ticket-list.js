// The ticket list: selecting tickets, shortcuts, tidy addresses. The page works without this file.
(() => {
  "use strict";
  const find = (selector) => document.querySelector(selector);
  const boxes = () => [...document.querySelectorAll("input[name=ticket]")];
  const bar = find(".bulk-bar");
  const all = find("[data-select-all]");

  // What is selected, in words; the bar is there only while something is.
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

  // Choices that do not narrow the list stay out of its address.
  const form = find("[data-tidy]");
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) {
      const isUsual = name === "sort" && value === form.dataset.tidy;
      if (!value || isUsual) event.formData.delete(name);
    }
  });

  // Panels close on Escape (see app.js for the menus) and on a click elsewhere.
  const panels = () => document.querySelectorAll(".filter-more[open], .save-view[open]");
  document.addEventListener("click", (event) => {
    for (const panel of panels()) if (!panel.contains(event.target)) panel.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const panel of panels()) {
      const hadFocus = panel.contains(document.activeElement);
      panel.open = false;
      if (hadFocus) panel.querySelector("summary").focus();
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
