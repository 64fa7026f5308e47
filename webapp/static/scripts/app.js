// Makes pages smoother; every page works without this file.
(() => {
  "use strict";
  const draftKey = (field) => `triagedesk-draft-${field.dataset.draft}`;

  document.documentElement.classList.add("has-script");

  // A selection that narrows a list applies at once. By keyboard every arrow key is a choice: the
  // focus is there again on the page that comes, so that one can go on to the next one.
  const FOCUS = "triagedesk-focus";
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-submit-on-change]")) return;
    if (event.target.matches(":focus-visible")) sessionStorage.setItem(FOCUS, event.target.id);
    event.target.form.requestSubmit();
  });
  const chosen = document.getElementById(sessionStorage.getItem(FOCUS) || "");
  sessionStorage.removeItem(FOCUS);
  if (chosen) {
    const panel = chosen.closest("details");
    if (panel) panel.open = true;
    chosen.focus({ focusVisible: true });
  }

  // What was typed stays in this tab, for whoever typed it: past a session that ran out, but not
  // past signing out, nor for the next person.
  const PERSON = "triagedesk-person";
  const person = document.body.dataset.person;
  if (person && sessionStorage.getItem(PERSON) !== person) {
    sessionStorage.clear();
    sessionStorage.setItem(PERSON, person);
  }

  // What is being written survives leaving the page (in this tab only).
  for (const field of document.querySelectorAll("[data-draft]")) {
    if (!field.value) field.value = sessionStorage.getItem(draftKey(field)) || "";
    field.addEventListener("input", () => sessionStorage.setItem(draftKey(field), field.value));
    field.form.addEventListener("submit", () => sessionStorage.removeItem(draftKey(field)));
  }
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-forget-drafts]")) sessionStorage.clear();
  });

  // One menu or panel at a time; Escape and a click elsewhere close it.
  const openMenus = () => document.querySelectorAll("details[data-menu][open]");
  document.addEventListener("click", (event) => {
    for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of openMenus()) {
      const hadFocus = menu.contains(document.activeElement);
      menu.open = false;
      if (hadFocus) menu.querySelector("summary").focus();
    }
  });

  // A list that follows another shows only what belongs to the choice made there. Groups without a
  // mark only tell its options apart as long as there is no script.
  const follow = (list) => {
    const above = document.getElementById(list.dataset.follows);
    const all = [...list.children].flatMap((child) =>
      child.matches("optgroup:not([data-above])") ? [...child.children] : [child],
    );
    const belongs = (part) => !part.dataset.above || part.dataset.above === above.value;
    const filter = () => {
      const chosen = list.value;
      list.replaceChildren(...all.filter(belongs));
      list.value = [...list.options].some((option) => option.value === chosen) ? chosen : "";
      list.dispatchEvent(new Event("change"));
    };
    above.addEventListener("change", filter);
    filter();
  };
  for (const list of document.querySelectorAll("select[data-follows]")) follow(list);

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
  // A preview that does not come says so, and an old one does not look like the newest.
  const admitNoPreview = ({ detail: { target, xhr } }) => {
    const words = target.querySelector("[data-on-failure]");
    if (words) words.hidden = false;
    if (!target.matches(".preview")) return;
    target.textContent = xhr.status === 401
      ? "You have been signed out meanwhile. What you typed is still here: sign in in another tab, then save it."
      : "No preview could be made. What you typed is still here.";
  };
  for (const name of ["htmx:sendError", "htmx:responseError"]) {
    document.addEventListener(name, markStale);
    document.addEventListener(name, admitNoPreview);
  }
})();
