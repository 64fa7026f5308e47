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

  // Ctrl+Enter (⌘+Enter) in the note sends it.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    if (!event.target.matches("textarea") || !event.target.form) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  });
})();
