// A preview that does not come says so, instead of waiting for ever.
(() => {
  "use strict";
  const showFailure = (event) => {
    const part = event.target.closest && event.target.closest("#preview");
    const words = part && part.querySelector("[data-on-failure]");
    if (words) words.hidden = false;
  };
  document.addEventListener("htmx:sendError", showFailure);
  document.addEventListener("htmx:responseError", showFailure);
})();

// The routing form: categories follow the board, the closed status goes with auto-close.
(() => {
  "use strict";
  const form = document.querySelector("[data-routing]");
  if (!form) return;

  // Each following list shows only what belongs to the choice above it.
  const follow = (list) => {
    const above = form.elements[list.dataset.follows];
    const all = [...list.children].map((child) => child.cloneNode(true));
    const belongs = (option) => !option.dataset.above || option.dataset.above === above.value;
    const filter = () => {
      const chosen = list.value;
      list.replaceChildren();
      for (const child of all) {
        const options = child.matches("optgroup") ? [...child.children] : [child];
        list.append(...options.filter(belongs).map((option) => option.cloneNode(true)));
      }
      list.value = [...list.options].some((option) => option.value === chosen) ? chosen : "";
      list.dispatchEvent(new Event("change"));
    };
    above.addEventListener("change", filter);
    filter();
  };
  for (const list of form.querySelectorAll("[data-follows]")) follow(list);

  for (const part of form.querySelectorAll("[data-only-with]")) {
    const option = form.elements[part.dataset.onlyWith];
    const update = () => { part.hidden = !option.checked; };
    option.addEventListener("change", update);
    update();
  }
})();
