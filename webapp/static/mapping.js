// The mapping table: marks what was changed and counts it; everything works without this file.
(() => {
  "use strict";
  const form = document.querySelector("[data-mapping]");
  if (!form) return;
  const rows = [...form.querySelectorAll("[data-row]")].map((element) => {
    const seen = element.querySelector("[name^='seen-']").value;
    const [, tickets, ...client] = seen.split("|");
    return {
      element,
      pick: element.querySelector("[name=pick]"),
      client: element.querySelector("[name^='client-']"),
      tickets: element.querySelector("[name^='tickets-']"),
      was: { client: client.join("|"), tickets: tickets === "1" },
    };
  });
  const bar = form.querySelector("[data-save-bar]");
  const words = form.querySelector("[data-save-words]");
  const save = form.querySelector("[data-save]");
  const bulk = form.querySelector("[data-bulk]");
  const bulkWords = form.querySelector("[data-bulk-count]");
  const all = form.querySelector("[data-select-all]");
  let isLeavingOnPurpose = false;

  const count = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;
  const isDirty = (row) =>
    row.client.value.trim() !== row.was.client || row.tickets.checked !== row.was.tickets;
  const dirtyRows = () => rows.filter(isDirty);
  const pickedRows = () => rows.filter((row) => row.pick.checked);

  const show = () => {
    for (const row of rows) row.element.classList.toggle("is-dirty", isDirty(row));
    const dirty = dirtyRows().length;
    const picked = pickedRows().length;
    bar.hidden = dirty === 0;
    bar.classList.toggle("is-dirty", dirty > 0);
    save.textContent = `Save ${count(dirty, "change")}`;
    words.textContent = dirty ? `${count(dirty, "row")} changed, not saved yet.` : "";
    bulk.classList.toggle("has-none", picked === 0);
    bulkWords.textContent = picked ? `${picked} selected` : "";
    all.checked = picked > 0 && picked === rows.length;
    all.indeterminate = picked > 0 && picked < rows.length;
  };

  all.closest("[hidden]").hidden = false;
  form.addEventListener("input", (event) => {
    if (event.target === all) for (const row of rows) row.pick.checked = all.checked;
    show();
  });
  form.addEventListener("click", (event) => {
    const offer = event.target.closest("[data-fill]");
    if (!offer) return;
    event.preventDefault();
    const row = rows.find((one) => one.element.contains(offer));
    row.client.value = offer.dataset.fill;
    row.client.focus();
    show();
  });
  form.querySelector("[data-discard]").addEventListener("click", () => {
    isLeavingOnPurpose = true;
  });
  form.addEventListener("submit", () => {
    isLeavingOnPurpose = true;
  });
  window.addEventListener("beforeunload", (event) => {
    if (!isLeavingOnPurpose && dirtyRows().length) event.preventDefault();
  });
  window.addEventListener("pageshow", () => {
    isLeavingOnPurpose = false;
    show();
  });
  show();
})();
