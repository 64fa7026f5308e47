// Tickets: the list, and the pages of one ticket. They work without this file.

// The list: selecting tickets, tidy addresses.
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
})();

// One ticket: unsaved choices.
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
})();
