// Makes pages smoother; every page works without this file.
(() => {
  "use strict";
  document.documentElement.classList.add("has-script");

  // A selection that narrows a list applies at once. With the keyboard, every arrow key makes a
  // choice and loads a page. That page puts the focus back, so that the next key works.
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

  // What is shown once is the answer to a form. Reloading that page must not send the form again,
  // which would make another link or secret: the address becomes that of a page to look at.
  const once = document.querySelector("[data-reload-as]");
  if (once) history.replaceState(null, "", once.dataset.reloadAs);

  // Only one menu or panel is open at a time; Escape or a click elsewhere closes it.
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

  // A list that follows another list shows only the options for the choice in that list. Option
  // groups without data-above are for pages without a script and are removed here.
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

  // A form is sent only once, even if its button is pressed again.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post" || event.defaultPrevented) return;
    if (event.target.dataset.isSent) event.preventDefault();
    event.target.dataset.isSent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-is-sent]")) delete form.dataset.isSent;
  });

  // Screen readers announce a poll when it enters another phase, not every two seconds.
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

  // The option for a sweep applies to one poll and is cleared after it.
  document.addEventListener("htmx:afterRequest", (event) => {
    const option = event.target.querySelector && event.target.querySelector("[name=sweep]");
    if (event.target.matches("form") && option) option.checked = false;
  });

  // A card that cannot be refreshed says so instead of looking current.
  const markStale = (event) => {
    const card = event.target.closest && event.target.closest(".connection");
    if (card) card.classList.add("is-stale");
  };
  // The banner asks every ten seconds how polling goes. While no answer comes, the page says so and
  // shows nothing in green. When the banner changes, what says the same elsewhere is asked for anew.
  const bannerWords = () => document.getElementById("polling-banner")?.textContent.trim();
  let shownWords = bannerWords();
  document.addEventListener("htmx:afterRequest", ({ detail: { requestConfig, successful } }) => {
    if (requestConfig.elt.id !== "polling-banner") return;
    document.documentElement.classList.toggle("is-cut-off", !successful);
    const noAnswer = document.querySelector("[data-no-answer]");
    if (!successful && noAnswer.hidden) {
      document.getElementById("announcer").textContent = noAnswer.textContent.trim();
    }
    noAnswer.hidden = successful;
    if (successful && bannerWords() !== shownWords) {
      for (const part of document.querySelectorAll("[data-live]")) htmx.trigger(part, "refresh");
    }
    shownWords = successful ? bannerWords() : "cut off";
  });
  // A preview that fails says so; an old one must not look like the newest.
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
