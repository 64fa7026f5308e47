// Makes pages smoother; every page works without this file.
(() => {
  "use strict";
  const draftKey = (field) => `triagedesk-draft-${field.dataset.draft}`;

  document.documentElement.classList.add("has-script");

  // A selection that narrows a list applies at once.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
  });

  // What is being written survives leaving the page (in this tab only).
  for (const field of document.querySelectorAll("[data-draft]")) {
    if (!field.value) field.value = sessionStorage.getItem(draftKey(field)) || "";
    field.addEventListener("input", () => sessionStorage.setItem(draftKey(field), field.value));
    field.form.addEventListener("submit", () => sessionStorage.removeItem(draftKey(field)));
  }
  if (document.body.matches("[data-forget-drafts]")) sessionStorage.clear();

  // One menu at a time; Escape and a click elsewhere close it.
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.app-person[open], details.app-menu[open]")) {
      if (menu !== except) menu.open = false;
    }
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest("details[open]");
    closeMenus();
    if (menu) menu.querySelector("summary").focus();
  });

  // A form is sent once, however often its button is pressed.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post" || event.defaultPrevented) return;
    if (event.target.dataset.isSent) event.preventDefault();
    event.target.dataset.isSent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-is-sent]")) delete form.dataset.isSent;
  });

  // How a poll goes is said aloud when it enters another phase, not every two seconds.
  const said = new Map();
  const listen = (isFirst) => {
    for (const line of document.querySelectorAll("[data-announce]")) {
      const words = line.textContent.trim();
      if (!isFirst && said.get(line.dataset.announce) !== words) {
        document.getElementById("announcer").textContent = words;
      }
      said.set(line.dataset.announce, words);
    }
  };
  listen(true);
  document.addEventListener("htmx:afterSettle", () => listen(false));

  // The option of a poll is for that poll only.
  document.addEventListener("htmx:afterRequest", (event) => {
    const option = event.target.querySelector && event.target.querySelector("[name=sweep]");
    if (event.target.matches("form") && option) option.checked = false;
  });

  // A card that cannot be refreshed says so instead of looking current.
  const markStale = (event) => {
    const card = event.target.closest && event.target.closest(".connection");
    if (card) card.classList.add("is-stale");
  };
  document.addEventListener("htmx:sendError", markStale);
  document.addEventListener("htmx:responseError", markStale);
})();
