// Checklists and canned notes on the page of a ticket; both work without this file.
(() => {
  "use strict";

  // A tick changes the ticket. The page's other forms name the state they were filled with: it is
  // moved along if nobody else changed the ticket in between.
  document.addEventListener("triagedesk:ticket-changed", ({ detail }) => {
    for (const field of document.querySelectorAll("input[name=seen]")) {
      if (field.value === detail.was) field.value = detail.now;
    }
  });

  // A canned note is put where the cursor is, and replaces nothing that was typed.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-canned]");
    const field = button && button.form && button.form.elements.body;
    if (!field || field.type === "hidden") return;
    event.preventDefault();
    const at = field.selectionEnd ?? field.value.length;
    const before = field.value.slice(0, at);
    const gap = before && !before.endsWith("\n") ? "\n\n" : "";
    field.setRangeText(gap + button.dataset.canned, at, at, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    const menu = button.closest("details");
    if (menu) menu.open = false;
    field.focus();
  });
})();
