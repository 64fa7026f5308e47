// Shortcuts. A part of a page gets a key by data-key: a link or button is pressed, a field is gone
// to. Every page works without this file.
(() => {
  "use strict";
  const find = (selector) => document.querySelector(selector);
  const card = find("#shortcuts");
  if (!card) return;
  const announce = (words) => {
    find("#announcer").textContent = words;
  };

  // Speaking to a computer, or a slip of the hand, types single keys too: they can be switched off.
  const OFF = "triagedesk-no-single-keys";
  const choice = card.querySelector("[data-single-keys]");
  choice.checked = !localStorage.getItem(OFF);
  choice.addEventListener("change", () => {
    if (choice.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "yes");
  });
  const isMac = /Mac|iP(hone|ad)/.test(navigator.platform);
  if (isMac) {
    for (const one of card.querySelectorAll("kbd")) if (one.textContent === "Ctrl") one.textContent = "⌘";
  }

  // Presses or goes to a part of the page; what is folded away is unfolded.
  const reach = (part) => {
    const fold = part.closest("details:not([open])");
    if (fold) fold.open = true;
    if (part.matches("a, button, summary")) {
      part.click();
      return;
    }
    part.focus({ focusVisible: true });
    part.scrollIntoView({ block: "center" });
  };
  const isThere = (part) => !part.disabled && (part.checkVisibility() || part.closest("details:not([open])"));
  const partOf = (key) => [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find(isThere);
  window.triagedeskReach = reach;

  // The list: rows, and the row that the cursor is on.
  const ROW = "triagedesk-row";
  const rows = () => [...document.querySelectorAll("[data-ticket]")];
  const linkIn = (row) => row.querySelector(".ticket-link");
  const idOf = (row) => row.id.replace("ticket-", "");
  const current = () => document.activeElement.closest("[data-ticket]");
  const goTo = (row) => {
    linkIn(row).focus({ focusVisible: true });
    linkIn(row).scrollIntoView({ block: "nearest" });
  };
  const move = (step) => {
    const all = rows();
    if (!all.length) return;
    const place = all.indexOf(current());
    const next = place < 0 ? (step > 0 ? 0 : all.length - 1) : place + step;
    goTo(all[Math.max(0, Math.min(all.length - 1, next))]);
  };
  const address = () => location.pathname + location.search;
  const stored = () => {
    try {
      return JSON.parse(sessionStorage.getItem(ROW)) || {};
    } catch {
      return {};
    }
  };
  document.addEventListener("focusin", ({ target }) => {
    const row = target.closest("[data-ticket]");
    if (!row) return;
    const seen = { address: address(), row: idOf(row), rows: rows().map(idOf) };
    sessionStorage.setItem(ROW, JSON.stringify(seen));
  });
  // Back to the row one came from. If it has left the list, to the one that came after it.
  const goBackTo = (id, order) => {
    const later = order.slice(Math.max(0, order.indexOf(id)));
    const earlier = order.slice(0, Math.max(0, order.indexOf(id))).reverse();
    for (const one of [id, ...later, ...earlier]) {
      const row = rows().find((other) => idOf(other) === one);
      if (row) {
        goTo(row);
        return;
      }
    }
  };
  if (rows().length) {
    const wanted = /^#ticket-(\d+)$/.exec(location.hash);
    const [visit] = performance.getEntriesByType("navigation");
    const seen = stored();
    if (wanted) {
      goBackTo(wanted[1], seen.rows || []);
      history.replaceState(history.state, "", address());
    } else if (visit && visit.type === "back_forward" && seen.address === address()) {
      goBackTo(seen.row, seen.rows);
    }
  }

  const openBulkBar = () => {
    const field = find(".bulk-bar.is-open select");
    if (field) field.focus({ focusVisible: true });
    else announce("Select a ticket first.");
  };
  const inList = {
    j: () => move(1),
    k: () => move(-1),
    o: () => current() && linkIn(current()).click(),
    x: () => current() && current().querySelector("input[name=ticket]")?.click(),
    b: openBulkBar,
    "/": () => find("#filter-q").select(),
  };
  const everywhere = {
    "?": () => card.showModal(),
    u: () => find(".page-crumb a")?.click(),
  };
  const actionOf = (key) => {
    const part = partOf(key);
    if (part) return () => reach(part);
    return (find("[data-tidy]") && inList[key]) || everywhere[key];
  };

  const isTyping = (element) =>
    element.matches("textarea, select, [contenteditable], input:not([type=checkbox], [type=radio])") ||
    element.closest("[role=combobox], [role=listbox], [role=menu]");
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const { target, key } = event;
    // Ctrl+Enter (⌘+Enter) in a field saves its form.
    if (key === "Enter" && (event.ctrlKey || event.metaKey)) {
      if (!target.matches("textarea, select, input") || target.form?.method !== "post") return;
      event.preventDefault();
      target.form.requestSubmit();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || find("dialog[open]")) return;
    if (key === "Escape" && isTyping(target) && !target.closest("details[data-menu]")) target.blur();
    if (isTyping(target) || !choice.checked) return;
    const action = actionOf(key);
    if (!action) return;
    event.preventDefault();
    action();
  });

  for (const button of document.querySelectorAll("[data-shortcuts]")) {
    button.addEventListener("click", () => card.showModal());
  }
  for (const button of document.querySelectorAll("[data-print]")) {
    button.addEventListener("click", () => window.print());
  }
})();
