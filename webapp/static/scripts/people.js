// Copies and prints text that is shown once; without a script, people do it by hand.
// A new person gets the time zone of their browser; without a script, UTC.
(() => {
  "use strict";
  for (const field of document.querySelectorAll("[data-browser-zone]")) {
    field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  }
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const field = document.getElementById(button.dataset.copy);
      const said = document.querySelector("[data-copied]");
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
        said.textContent = "Copied.";
      } catch {
        said.textContent = "Press Ctrl+C (or ⌘C) to copy what is selected.";
      }
    });
  }
  for (const button of document.querySelectorAll("[data-print]")) {
    button.addEventListener("click", () => window.print());
  }
})();
