// Pages that stay open ask every few seconds whether anything has changed, and say so without moving
// anything. They work without this file: a quiet line says as of when they are.
(() => {
  "use strict";
  const page = document.querySelector("[data-live-url]");
  if (!page) return;
  const { liveUrl, countUrl, livePage, loaded, calls, liveEvery } = page.dataset;
  const loadedAt = Date.parse(loaded);
  const LATE = 20_000; // a change may be committed so much after its time
  const line = () => document.querySelector("[data-live-line]");
  const plural = (number, one) => `${number} ${number === 1 ? one : `${one}s`}`;

  // Times in answers are the server's, and so is the clock they are compared with.
  let ahead = 0;
  const age = (time) => {
    const seconds = Math.max(0, Math.round((Date.now() + ahead - Date.parse(time)) / 1000));
    if (seconds < 60) return `${seconds} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    return seconds < 86400 ? `${Math.floor(seconds / 3600)} h ago` : `${Math.floor(seconds / 86400)} d ago`;
  };

  // The line says what is new. It keeps its place, and is read out once for each piece of news.
  let told = "";
  const quiet = new WeakMap(); // what each line says while there is no news
  const tell = (words, key = words, action = "Show") => {
    const place = line();
    if (!place) return;
    const text = place.querySelector("[data-live-words]");
    if (!quiet.has(place)) quiet.set(place, [...text.childNodes]);
    if (words) text.textContent = words;
    else text.replaceChildren(...quiet.get(place));
    place.classList.toggle("is-news", Boolean(words));
    place.querySelector("[data-live-show]").textContent = words ? action : "Refresh";
    if (words && key !== told) document.getElementById("announcer").textContent = words;
    told = words ? key : "";
  };

  // Untouched criticals: their number in title and icon, and a call for each new one on request.
  const icon = document.querySelector("link[rel=icon]");
  const [plainIcon, plainTitle] = [icon.getAttribute("href"), document.title];
  const numbered = (count) => `data:image/svg+xml,${encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#b3202c"/>' +
    `<text x="16" y="24" fill="#fff" font-family="sans-serif" font-size="22" font-weight="700" text-anchor="middle">${count > 9 ? "9+" : count}</text></svg>`,
  )}`;
  const showCriticals = ({ count, newest }) => {
    document.title = count ? `(${count}) ${plainTitle}` : plainTitle;
    icon.href = count ? numbered(count) : plainIcon;
    callFor(newest);
  };

  // The bell counts what its person has not read.
  const showUnread = (unread) => {
    for (const bell of document.querySelectorAll(".bell")) {
      const count = bell.querySelector("[data-bell-count]");
      const words = unread > 99 ? "99+" : `${unread}`;
      bell.setAttribute("aria-label", unread ? `Bell, ${unread} unread` : "Bell");
      if (!unread) count?.remove();
      else if (count) count.textContent = words;
      else {
        const pill = Object.assign(document.createElement("span"), { className: "pill tone-blue", textContent: words });
        pill.dataset.bellCount = "";
        bell.append(pill);
      }
    }
  };

  const CALLED = `triagedesk-called-${document.body.dataset.person}`;
  const callFor = (newest) => {
    const stored = localStorage.getItem(CALLED);
    const known = new Set(JSON.parse(stored || "[]"));
    const fresh = newest.filter((one) => !known.has(one.id));
    if (!fresh.length && stored) return;
    localStorage.setItem(CALLED, JSON.stringify([...known, ...fresh.map((one) => one.id)].slice(-100)));
    const loud = stored ? fresh.filter((one) => !one.is_muted) : []; // the first look calls nobody
    if (loud.length) call(loud[0], loud.length);
  };
  const call = (ticket, number) => {
    if (calls.includes("sound")) ring();
    if (!calls.includes("notification") || !window.Notification || Notification.permission !== "granted") return;
    const title = number > 1 ? `${number} new critical tickets` : `Critical: ${ticket.number}`;
    const shown = new Notification(title, { body: `${ticket.title}\n${ticket.client}`, tag: `triagedesk-${ticket.id}`, icon: plainIcon });
    shown.onclick = () => {
      window.focus();
      if (ticket.id) window.open(`/tickets/${ticket.id}`);
      shown.close();
    };
  };
  let audio = null;
  const ring = () => {
    audio ??= new AudioContext();
    audio.resume().then(() => {
      for (const [place, pitch] of [880, 660, 880].entries()) {
        const [tone, volume] = [audio.createOscillator(), audio.createGain()];
        const start = audio.currentTime + place * 0.22;
        tone.frequency.value = pitch;
        volume.gain.setValueAtTime(0.0001, start);
        volume.gain.exponentialRampToValueAtTime(0.3, start + 0.02);
        volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.2);
        tone.connect(volume).connect(audio.destination);
        tone.start(start);
        tone.stop(start + 0.21);
      }
    });
  };
  // A browser lets a page sound only after somebody clicked or typed in it.
  if (calls.includes("sound")) {
    const wake = () => (audio ??= new AudioContext()).resume();
    for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, wake, { once: true });
  }
  document.addEventListener("click", async ({ target }) => {
    if (!target.closest("[data-try-call]")) return;
    ring();
    if (window.Notification && Notification.permission === "default") await Notification.requestPermission();
    const isAllowed = window.Notification && Notification.permission === "granted";
    const sample = { id: 0, title: "This is how Triagedesk calls you.", client: "" };
    if (isAllowed) new Notification("Triagedesk", { body: sample.title, tag: "triagedesk-try", icon: plainIcon });
    document.querySelector("[data-try-answer]").textContent = isAllowed
      ? "A sound was played and a notification shown."
      : "A sound was played. This browser shows no notifications of Triagedesk: allow them beside its address.";
  });

  // The list: rows that changed are marked where they stand; what is new is counted.
  const rows = new Map([...document.querySelectorAll("[data-ticket]")].map((row) => [Number(row.dataset.ticket), row]));
  let before = null; // what had changed shortly before the page was loaded, and is not on it
  const mark = (row, ticket) => {
    const isFirst = !row.classList.contains("is-changed");
    row.classList.add("is-changed");
    row.title = `Changed meanwhile: ${ticket.now}`;
    const link = row.querySelector(".ticket-link");
    if (isFirst) {
      const said = Object.assign(document.createElement("span"), { className: "visually-hidden" });
      said.dataset.changed = "";
      link.after(said);
    }
    row.querySelector("[data-changed]").textContent = ` (changed meanwhile: ${ticket.now})`;
  };
  const showList = ({ tickets, has_more: hasMore }) => {
    const others = tickets.filter((one) => !rows.has(one.id));
    before ??= new Map(others.filter((one) => Date.parse(one.version) <= loadedAt).map((one) => [one.id, one.version]));
    const changed = tickets.filter((one) => rows.has(one.id) && rows.get(one.id).dataset.version !== one.version);
    for (const one of changed) mark(rows.get(one.id), one);
    const arrived = others.filter((one) => one.fits && before.get(one.id) !== one.version);
    const isNew = (one) => Date.parse(one.created) > loadedAt - LATE;
    const fresh = arrived.filter(isNew);
    const moved = "whole" in line().dataset ? arrived.filter((one) => !isNew(one)) : [];
    const grave = fresh.filter((one) => one.is_critical).length;
    const parts = [];
    if (fresh.length) parts.push(`${fresh.length} new${"searched" in line().dataset ? " that the search has not looked at" : ""}`);
    if (grave) parts.push(`${grave} critical`);
    if (moved.length) parts.push(`${moved.length} more in this list`);
    if (changed.length === 1 && !parts.length) parts.push(`${changed[0].number} changed: ${changed[0].now}`);
    else if (changed.length) parts.push(`${changed.length} changed`);
    if (hasMore) parts.splice(0, parts.length, "More than 100 tickets changed");
    tell(parts.join(", "));
  };

  // One ticket: who did what since the page was loaded, who else is here.
  const own = new Set(); // the times of what was done on this page without loading it anew
  document.addEventListener("triagedesk:ticket-changed", ({ detail }) => own.add(Date.parse(detail.now)));
  // A form to edit the ticket has no timeline: it shows all that was done before it was loaded.
  const shownUntil = document.querySelector(".timeline") ? loadedAt - LATE : loadedAt;
  let known = null;
  const showTicket = ({ entries, here }) => {
    const isShown = (one) => document.getElementById(`entry-${one.id}`) || Date.parse(one.at) <= shownUntil || own.has(Date.parse(one.at));
    known ??= new Map(entries.map((one) => [one.id, one]));
    for (const one of entries) if (own.has(Date.parse(one.at))) known.set(one.id, one);
    const added = entries.filter((one) => !isShown(one) || (known.get(one.id) ?? one).at !== one.at);
    const edited = entries.filter((one) => !added.includes(one) && known.has(one.id) && known.get(one.id).edited !== one.edited);
    const news = [...added, ...edited.map((one) => ({ ...one, what: "A note was edited", at: one.edited }))];
    const [first] = news;
    const more = news.length > 1 ? ` · ${news.length - 1} more` : "";
    tell(first ? `${first.who}, ${age(first.at)}: ${first.what}${more}` : "", news.map((one) => `${one.id} ${one.at}`).join(), "Reload");
    showHere(here);
  };
  const showHere = (here) => {
    const place = document.querySelector("[data-here]");
    const words = (people, one, many) => {
      const names = people.map((person) => person.name).join(", ").replace(/, ([^,]*)$/, " and $1");
      return people.length ? `${names} ${people.length > 1 ? many : one}` : "";
    };
    const said = [
      words(here.filter((one) => one.is_writing), "is writing", "are writing"),
      words(here.filter((one) => !one.is_writing), "has this ticket open", "have this ticket open"),
    ].filter(Boolean).join(" · ");
    if (place && place.textContent !== said) place.textContent = said;
  };
  let typedAt = -Infinity;
  const isWriting = () => performance.now() - typedAt < 10_000;
  if (livePage === "ticket") {
    document.addEventListener("input", ({ target }) => {
      if (!target.matches("textarea, main input")) return;
      const wasWriting = isWriting();
      typedAt = performance.now();
      if (!wasWriting) ask();
    });
    window.addEventListener("pagehide", () => {
      fetch(`${liveUrl}?doing=gone`, { headers: { "HX-Request": "true" }, keepalive: true }).catch(() => {});
    });
  }

  // The dashboard: all cards move together, but not under a pointer or a focus that is in one.
  let desk = null;
  let isWaiting = false;
  const held = () => document.querySelector("[data-live-desk] :focus-visible") || (matchMedia("(hover: hover)").matches && document.querySelector("[data-live-still]:hover")) || getSelection().type === "Range";
  const refresh = () => {
    isWaiting = false;
    tell("");
    for (const part of document.querySelectorAll("[data-live]")) htmx.trigger(part, "refresh");
  };
  const showDesk = (answer) => {
    const isNew = desk !== null && desk !== answer.desk;
    desk = answer.desk;
    if (!isNew) return;
    if (held()) {
      isWaiting = true;
      tell("Something changed: it is shown once you leave the list");
    } else refresh();
  };
  const goOn = () => setTimeout(() => isWaiting && !held() && refresh(), 300);
  if (livePage === "desk") {
    for (const name of ["pointerout", "focusout"]) document.addEventListener(name, goOn);
    document.addEventListener("htmx:beforeRequest", (event) => {
      const { elt } = event.detail;
      const isByItself = elt.matches("[data-live]") && !event.detail.requestConfig.triggeringEvent?.isTrusted;
      if (isByItself && (document.hidden || (elt.matches("[data-live-desk]") && held()))) event.preventDefault();
    });
    document.addEventListener("htmx:afterSettle", ({ target }) => {
      if (target.matches(".connection")) ask(); // a poll goes on there: the other cards follow it
    });
  }

  const SHOWN = { list: showList, ticket: showTicket, desk: showDesk };
  const addressNow = () => {
    if (document.hidden || !livePage) return countUrl;
    const asked = new URLSearchParams(livePage === "list" ? location.search : "");
    if (livePage === "list") asked.set("loaded", loaded);
    if (livePage === "ticket" && isWriting()) asked.set("doing", "writing");
    return asked.size ? `${liveUrl}?${asked}` : liveUrl;
  };
  const tags = new Map();
  let last = null; // the last answer: what it says is said anew as ages grow
  let unread = null;
  let isAsking = false;
  let isOver = false;
  const ask = async () => {
    if (isAsking) return;
    isAsking = true;
    const address = addressNow();
    const headers = { "HX-Request": "true" };
    if (tags.has(address)) headers["If-None-Match"] = tags.get(address);
    try {
      const response = await fetch(address, { headers, cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(8000) });
      ahead = Date.parse(response.headers.get("Date")) - Date.now() || 0;
      // Signed out: the banner says so. Whoever signs in again in another tab comes back to this one.
      isOver = response.status === 401;
      if (response.status === 200) {
        const answer = await response.json();
        tags.clear();
        tags.set(address, response.headers.get("ETag"));
        showCriticals(answer.criticals);
        unread = Number(answer.unread);
        if (address !== countUrl) last = answer;
      }
      if (!response.ok && response.status !== 304) return;
      if (unread !== null) showUnread(unread);
      if (address !== countUrl && last) SHOWN[livePage](last);
    } catch {
      // No answer: the banner says so, and the next try comes by itself.
    } finally {
      isAsking = false;
    }
  };
  setInterval(() => isOver || ask(), Number(liveEvery) * 1000);
  setInterval(() => isOver && ask(), 60_000);
  document.addEventListener("visibilitychange", ask);
  window.addEventListener("focus", () => isOver && ask());
  ask();

  // What was selected in the list is selected again after "Show".
  const SELECTED = `triagedesk-selected-${location.pathname}`;
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-live-show]");
    if (!link) return;
    if (livePage === "desk") {
      event.preventDefault();
      refresh();
      return;
    }
    const chosen = [...document.querySelectorAll("input[name=ticket]:checked")].map((box) => box.value);
    if (chosen.length) sessionStorage.setItem(SELECTED, JSON.stringify(chosen));
  });
  for (const value of JSON.parse(sessionStorage.getItem(SELECTED) || "[]")) {
    const box = document.querySelector(`input[name=ticket][value="${Number(value)}"]`);
    if (box) box.click();
  }
  sessionStorage.removeItem(SELECTED);
})();
