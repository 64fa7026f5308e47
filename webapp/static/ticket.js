// Makes the pages of a ticket smoother; they work without this file.
(() => {
  "use strict";

  // Of the categories only those of the chosen board are offered.
  for (const select of document.querySelectorAll("select[data-follows]")) {
    const board = document.getElementById(select.dataset.follows);
    const follow = (isFirst) => {
      const name = board.selectedOptions[0] ? board.selectedOptions[0].text.trim() : "";
      for (const group of select.querySelectorAll("optgroup")) {
        group.hidden = group.disabled = group.label !== name;
      }
      const chosen = select.selectedOptions[0];
      if (!isFirst && chosen && chosen.parentElement.disabled) select.value = "";
    };
    board.addEventListener("change", () => follow(false));
    follow(true);
  }

  // Notes and the other buttons save only their own: what was chosen under "Work" and not saved yet
  // is there again afterwards, except where the ticket itself has changed meanwhile.
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
