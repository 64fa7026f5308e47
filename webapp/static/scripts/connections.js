// The routing form: the closed status is shown only with auto-close. The form works without this file.
(() => {
  "use strict";
  for (const part of document.querySelectorAll("[data-only-with]")) {
    const option = document.getElementById(part.dataset.onlyWith);
    const update = () => { part.hidden = !option.checked; };
    option.addEventListener("change", update);
    update();
  }
})();
