// The mapping table: marks and counts changed rows. Everything works without this file.
(() => {
  "use strict";
  const form = document.querySelector("[data-mapping]");
  if (!form) return;
  const find = (selector) => form.querySelector(selector);
  const bar = find("[data-save-bar]");
  const words = find("[data-save-words]");
  const save = find("[data-save]");
  const discard = find("[data-discard]");
  const carried = find("[data-carried]");
  const bulk = find("[data-bulk]");
  const all = find("[data-select-all]");
  const every = find("[data-every]"); // also the rows of other pages
  const count = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;

  // The values that were stored in a row when its form was made; its hidden field holds them.
  const parse = (seen) => {
    const [, tickets, ...client] = seen.split("|");
    return { seen, client: client.join("|"), tickets: tickets === "1" };
  };
  const isSame = (one, other) => one.client === other.client && one.tickets === other.tickets;
  const rows = [...form.querySelectorAll("[data-row]")].map((element) => {
    const seen = element.querySelector("[name^='seen-']");
    const pick = element.querySelector("[name=pick]");
    return {
      element,
      seen,
      pick,
      id: pick.value,
      client: element.querySelector("[name^='client-']"),
      tickets: element.querySelector("[name^='tickets-']"),
      stored: parse(seen.value),
    };
  });
  const typed = (row) => ({
    seen: row.seen.value,
    client: row.client.value.trim(),
    tickets: row.tickets.checked,
  });
  const fill = (row, values) => {
    row.seen.value = values.seen;
    row.client.value = values.client;
    row.tickets.checked = values.tickets;
  };
  const isDirty = (row) => !isSame(typed(row), parse(row.seen.value));
  const dirtyRows = () => rows.filter(isDirty);
  const pickedRows = () => rows.filter((row) => row.pick.checked);

  // Unsaved changes are kept over paging, tabs, search and order, in this tab of the browser only,
  // encrypted where it can (see app.js).
  // Changes of rows that are not on this page are sent along when saving.
  const NAME = `mapping-${form.dataset.mapping}`;
  const kept = window.triagedeskKept;
  const MOST_KEPT = 300; // with a page of rows, at most as many as the server reads
  let elsewhere = new Map();
  let isKept = true;
  const read = () => {
    try {
      return new Map(JSON.parse(kept.get(NAME) || "[]"));
    } catch {
      return new Map();
    }
  };
  const keep = () => {
    const changes = [...elsewhere, ...dirtyRows().map((row) => [row.id, typed(row)])];
    isKept = changes.length <= MOST_KEPT;
    if (!isKept) return;
    kept.set(NAME, JSON.stringify(changes)).catch(() => {
      isKept = false;
    });
  };
  const forget = () => {
    elsewhere = new Map();
    kept.remove(NAME);
  };
  // A refused form already holds the newest values of its rows; otherwise kept changes are filled in.
  const restore = (isSentForm) => {
    elsewhere = read();
    for (const row of rows) {
      const own = elsewhere.get(row.id);
      elsewhere.delete(row.id);
      if (!isSentForm) fill(row, own && !isSame(own, row.stored) ? own : row.stored);
    }
  };
  const carry = () => {
    const hidden = (name, value) =>
      Object.assign(document.createElement("input"), { type: "hidden", name, value });
    const fields = [hidden("kept", "1")];
    for (const [id, { seen, client, tickets }] of elsewhere) {
      fields.push(hidden(`seen-${id}`, seen), hidden(`client-${id}`, client));
      if (tickets) fields.push(hidden(`tickets-${id}`, "1"));
    }
    carried.replaceChildren(...fields);
  };

  const show = () => {
    for (const row of rows) row.element.classList.toggle("is-dirty", isDirty(row));
    const here = dirtyRows().length;
    const changes = here + elsewhere.size;
    const others = here ? `${elsewhere.size} on other pages` : "on other pages of the table";
    bar.hidden = changes === 0;
    bar.classList.toggle("is-dirty", changes > 0);
    bar.classList.toggle("has-others", elsewhere.size > 0);
    save.textContent = `Save ${count(changes, "change")}`;
    discard.textContent = elsewhere.size ? `Discard all ${changes}` : "Discard";
    words.textContent = changes
      ? `${count(changes, "row")} changed, not saved yet${elsewhere.size ? `: ${others}` : ""}.`
      : "";
    if (!bulk) return;
    const picked = pickedRows().length;
    const isEvery = every && every.checked;
    bulk.classList.toggle("has-none", picked === 0 && !isEvery);
    find("[data-bulk-count]").textContent = isEvery
      ? "All of them are selected"
      : picked
      ? `${picked} selected`
      : "Select organizations to map, exclude or create clients from them together.";
    all.checked = picked > 0 && picked === rows.length;
    all.indeterminate = picked > 0 && picked < rows.length;
  };

  // Leaving the table with unsaved changes asks for confirmation; moving within it does not.
  const table = new URL(form.dataset.address, location).pathname;
  const isOfTable = (address) => {
    const { origin, pathname } = new URL(address, location);
    return origin === location.origin && `${pathname}/`.startsWith(`${table}/`);
  };
  let isStaying = false;
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || link.hasAttribute("download") || event.ctrlKey || event.metaKey) return;
    isStaying = isKept && isOfTable(link.href);
  });
  document.addEventListener("submit", (event) => {
    if (event.target !== form) isStaying = isKept && isOfTable(event.target.getAttribute("action"));
  });
  window.addEventListener("beforeunload", (event) => {
    if (!isStaying && dirtyRows().length + elsewhere.size) event.preventDefault();
  });

  if (all) all.closest("[hidden]").hidden = false;
  form.addEventListener("input", (event) => {
    if (event.target === all || event.target === every) {
      for (const row of rows) row.pick.checked = event.target.checked;
    }
    if (every && event.target !== every) every.checked &&= !rows.some((row) => !row.pick.checked);
    isStaying = false;
    keep();
    show();
  });
  // A row whose edit was taken back shows the values that are stored now.
  form.addEventListener("change", (event) => {
    const row = rows.find((one) => one.element.contains(event.target));
    if (!row || isDirty(row)) return;
    fill(row, row.stored);
    keep();
    show();
  });
  form.addEventListener("click", (event) => {
    const offer = event.target.closest("[data-fill]");
    if (!offer) return;
    event.preventDefault();
    const row = rows.find((one) => one.element.contains(offer));
    row.client.value = offer.dataset.fill;
    row.client.focus();
    keep();
    show();
  });
  discard.addEventListener("click", () => {
    forget();
    isStaying = true;
  });
  form.addEventListener("submit", (event) => {
    const isBulk = event.submitter && event.submitter.hasAttribute("formaction");
    if (isBulk) carried.replaceChildren();
    else carry();
    isStaying = true;
  });
  window.addEventListener("pageshow", (event) => {
    isStaying = false;
    if (event.persisted) restore(false);
    show();
  });

  kept.ready.then(() => {
    if (location.hash === "#saved") {
      forget();
      history.replaceState(history.state, "", location.pathname + location.search);
    }
    restore("sent" in form.dataset);
    keep();
    show();
  });
})();
