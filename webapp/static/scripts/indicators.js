// Copies an indicator, as it is or defanged; without a script, people select it.
(() => {
  "use strict";
  const said = document.querySelector("[data-copied-text]");
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy-text]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copyText);
      said.textContent = `Copied: ${button.dataset.copyText}`;
    } catch {
      getSelection().selectAllChildren(button.closest("li").querySelector("code"));
      said.textContent = "Press Ctrl+C (or ⌘C) to copy what is selected.";
    }
  });
})();
