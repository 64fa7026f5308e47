/* People on the page of a ticket: names offered after an @, and what the bell told marked as read. */
(() => {
  "use strict";

  const MOST = 6;

  /* What stands between the last @ and the cursor, if a name could be meant. */
  function beginning(field) {
    const before = field.value.slice(0, field.selectionStart);
    const found = /(?:^|[^\p{L}\p{N}._@-])@([\p{L}\p{N}._-]{0,40}(?: [\p{L}\p{N}._-]{0,40})?)$/u.exec(before);
    return found && field.selectionStart === field.selectionEnd ? found[1] : null;
  }

  function fitting(people, typed) {
    const wanted = typed.toLowerCase();
    const fits = ([name, handle]) =>
      handle.toLowerCase().startsWith(wanted) ||
      name.toLowerCase().split(" ").some((_, place, words) => words.slice(place).join(" ").startsWith(wanted));
    return people.filter(fits).slice(0, MOST);
  }

  function offerNames(field) {
    const people = JSON.parse(field.dataset.mentions);
    const list = document.createElement("ul");
    list.className = "box panel mention-list";
    list.id = `${field.id}-people`;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "People to mention");
    list.hidden = true;
    field.after(list);
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", list.id);
    let shown = [];
    let chosen = 0;

    function close() {
      shown = [];
      list.hidden = true;
      list.replaceChildren();
      field.removeAttribute("aria-activedescendant");
    }

    function mark(place) {
      chosen = (place + shown.length) % shown.length;
      [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === chosen)));
      field.setAttribute("aria-activedescendant", list.children[chosen].id);
    }

    function take(handle) {
      const typed = beginning(field);
      if (typed === null) return;
      const end = field.selectionStart;
      field.setRangeText(`${handle} `, end - typed.length, end, "end");
      field.dispatchEvent(new Event("input", { bubbles: true }));
      close();
      field.focus();
    }

    function open() {
      const typed = beginning(field);
      const found = typed === null ? [] : fitting(people, typed);
      if (!found.length) return close();
      shown = found;
      list.replaceChildren(
        ...found.map(([name, handle], at) => {
          const item = document.createElement("li");
          item.id = `${list.id}-${at}`;
          item.setAttribute("role", "option");
          item.textContent = name === handle ? name : `${name} (@${handle})`;
          item.addEventListener("mousedown", (event) => {
            event.preventDefault();
            take(handle);
          });
          return item;
        }),
      );
      list.hidden = false;
      list.scrollIntoView({ block: "nearest" });
      mark(0);
    }

    field.addEventListener("input", open);
    field.addEventListener("blur", close);
    field.addEventListener("keydown", (event) => {
      if (list.hidden || event.isComposing) return;
      if (event.key === "ArrowDown") mark(chosen + 1);
      else if (event.key === "ArrowUp") mark(chosen - 1);
      else if ((event.key === "Enter" && !event.ctrlKey && !event.metaKey) || event.key === "Tab") take(shown[chosen][1]);
      else if (event.key === "Escape") close();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  /* Who sees the page has read what the bell told of its ticket. */
  async function markRead(form) {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
    if (answer.type !== "opaqueredirect") return;
    const read = Number(form.dataset.markRead);
    form.hidden = true;
    for (const count of document.querySelectorAll("[data-bell-count]")) {
      const left = Number(count.textContent) - read;
      const link = count.closest("a");
      if (Number.isNaN(left)) continue;
      link.setAttribute("aria-label", left > 0 ? `Bell, ${left} unread` : "Bell");
      if (left > 0) count.textContent = left;
      else count.remove();
    }
  }

  for (const field of document.querySelectorAll("textarea[data-mentions]")) offerNames(field);
  for (const form of document.querySelectorAll("form[data-mark-read]")) {
    const read = () => markRead(form).catch(() => {});
    if (document.visibilityState === "visible") read();
    else document.addEventListener("visibilitychange", read, { once: true });
  }
})();
