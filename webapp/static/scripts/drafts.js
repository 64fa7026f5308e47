// What was typed and not saved yet. Every page works without this file.
//
// It is kept in the browser until the server says that it was taken, and removed when its person
// signs out or another one signs in. Where the browser can encrypt (over TLS), it is encrypted: the
// key stands in the pages of the person who is signed in and is stored nowhere, so that nobody
// reads the text once the session has ended. Only there do drafts outlive the tab.

// The store.
(() => {
  "use strict";
  const PERSON = "triagedesk-person";
  const KEPT = "triagedesk-kept-";
  const MOST_DRAFTS = 40; // the oldest ones go first
  const LONGEST = 14 * 24 * 60 * 60 * 1000; // milliseconds for which a draft is kept
  const { person, keeps } = document.body.dataset;
  const subtle = person && window.crypto.subtle;
  const isDraft = (name) => name.startsWith(`${KEPT}draft-`);
  const areaOf = (name) => (subtle && isDraft(name) ? localStorage : sessionStorage);
  const namesIn = (area) => Object.keys(area).filter((one) => one.startsWith(KEPT));
  const forgetDrafts = () => {
    for (const name of [PERSON, ...namesIn(localStorage)]) localStorage.removeItem(name);
  };

  if (person) {
    if (sessionStorage.getItem(PERSON) !== person) sessionStorage.clear();
    if (localStorage.getItem(PERSON) !== person) forgetDrafts();
    sessionStorage.setItem(PERSON, person);
    localStorage.setItem(PERSON, person);
  }
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-forget-drafts]")) return;
    sessionStorage.clear();
    forgetDrafts();
  });
  // Another tab in which this person signed out, or another one signed in, keeps nothing more.
  const isStillThere = () => localStorage.getItem(PERSON) === person;

  const texts = new Map(); // what is kept, readable, while this page is open
  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
  const key = subtle
    ? subtle.importKey("raw", bytes(keeps), "AES-GCM", false, ["encrypt", "decrypt"])
    : null;
  const encrypt = async (plain) => {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const data = new TextEncoder().encode(plain);
    const parts = [];
    const sealed = new Uint8Array(await subtle.encrypt({ name: "AES-GCM", iv }, await key, data));
    for (let place = 0; place < sealed.length; place += 8192) {
      parts.push(String.fromCharCode(...sealed.subarray(place, place + 8192)));
    }
    return `${text(iv)}.${btoa(parts.join(""))}`;
  };
  const decrypt = async (stored) => {
    const [iv, sealed] = stored.split(".").map(bytes);
    return new TextDecoder().decode(await subtle.decrypt({ name: "AES-GCM", iv }, await key, sealed));
  };
  const isTooOld = (plain) => !(Date.now() - JSON.parse(plain).at < LONGEST);
  const load = async (area) => {
    for (const name of namesIn(area).filter((one) => areaOf(one) === area)) {
      try {
        const stored = area.getItem(name);
        const plain = subtle ? await decrypt(stored) : stored;
        if (isDraft(name) && isTooOld(plain)) area.removeItem(name);
        else if (!texts.has(name)) texts.set(name, plain);
      } catch {
        area.removeItem(name); // kept under another key, or not by us
      }
    }
  };
  const oldestFirst = () =>
    [...texts.keys()].filter(isDraft).sort((one, other) => timeOf(one) - timeOf(other));
  const timeOf = (name) => JSON.parse(texts.get(name)).at;
  const kept = {
    ready: person ? Promise.all([load(sessionStorage), load(localStorage)]) : Promise.resolve(),
    names: () => [...texts.keys()].map((name) => name.slice(KEPT.length)),
    get: (name) => texts.get(KEPT + name) || "",
    // Rejects where the browser has no place for it.
    async set(name, plain) {
      const full = KEPT + name;
      texts.set(full, plain);
      const stored = subtle ? await encrypt(plain) : plain;
      if (texts.get(full) !== plain || !isStillThere()) return;
      const surplus = oldestFirst().slice(0, -MOST_DRAFTS);
      for (const one of surplus) kept.remove(one.slice(KEPT.length));
      if (surplus.includes(full)) return;
      try {
        areaOf(full).setItem(full, stored);
      } catch (error) {
        const oldest = oldestFirst().find((one) => one !== full);
        if (!oldest) throw error;
        kept.remove(oldest.slice(KEPT.length));
        areaOf(full).setItem(full, stored);
      }
    },
    remove(name) {
      texts.delete(KEPT + name);
      areaOf(KEPT + name).removeItem(KEPT + name);
    },
  };
  window.triagedeskKept = kept;
})();

// The forms. `data-draft` of a form or a field of it names what is written; `data-answer` marks a form that came back after it
// was sent, with what was typed already in it.
(() => {
  "use strict";
  const kept = window.triagedeskKept;
  const TEXTS = 'textarea, select, input[type="text"], input[type="url"], input:not([type])';
  const parse = (name) => {
    try {
      return JSON.parse(kept.get(name) || "null");
    } catch {
      return null;
    }
  };
  const newId = () =>
    [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");

  // What the server says it has taken is no draft any more.
  const gone = new Map();
  const forgetTaken = () => {
    const taken = new Set(
      [...document.querySelectorAll("[data-taken]")].flatMap((one) => one.dataset.taken.split(" ")),
    );
    for (const name of kept.names().filter((one) => one.startsWith("draft-"))) {
      const draft = parse(name);
      if (!draft || !taken.has(draft.id)) continue;
      gone.set(name, draft);
      kept.remove(name);
    }
  };

  const shownBy = (field) => {
    if (!field.matches("select")) return field.defaultValue;
    const options = [...field.options];
    return (options.find((one) => one.defaultSelected) || options[0] || { value: "" }).value;
  };
  const put = (field, value) => {
    field.value = value;
    if (field.matches("select")) field.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const keep = (part) => {
    const form = part.form || part; // a form, or a field of one
    const name = `draft-${part.dataset.draft}`;
    const fields = [...form.elements].filter((one) => one.name && one.matches(TEXTS));
    const hidden = (field) => form.elements.namedItem(field);
    const shown = new Map(fields.map((one) => [one.name, shownBy(one)]));
    const first = new Map(
      ["seen", "form_token", ...fields.map((one) => `was_${one.name}`)]
        .filter(hidden)
        .map((field) => [field, hidden(field).value]),
    );
    const mark = Object.assign(document.createElement("input"), { type: "hidden", name: "draft" });
    form.append(mark);
    const always = new Set(); // fields that were typed before the form came back
    const words = document.createElement("p");
    words.className = "note";
    words.hidden = true;
    form.prepend(words);

    const save = () => {
      const typed = fields.filter((one) => always.has(one.name) || one.value !== shown.get(one.name));
      if (!typed.length) {
        kept.remove(name);
        return;
      }
      mark.value = mark.value || newId();
      const draft = {
        at: Date.now(),
        id: mark.value,
        fields: typed.map((one) => [one.name, one.value, hidden(`was_${one.name}`)?.value]),
        seen: hidden("seen")?.value,
        token: hidden("form_token")?.value,
      };
      kept.set(name, JSON.stringify(draft)).catch(() => {
        words.textContent = "This browser has no place to keep what you type here: save it before you leave.";
        words.hidden = false;
      });
    };
    const discard = () => {
      for (const field of fields) put(field, shown.get(field.name));
      for (const [field, value] of first) hidden(field).value = value;
      mark.value = "";
      words.hidden = true;
      kept.remove(name);
      fields[0].focus();
    };
    const say = (at) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "btn-link", textContent: "Discard it" });
      button.addEventListener("click", discard);
      const time = new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
      words.replaceChildren(`Not saved yet: what you typed here until ${time}. `, button);
      words.hidden = false;
    };
    // Browsers put back by themselves what stood in a page that one goes back to.
    const clear = () => {
      for (const [field, value] of (gone.get(name) || { fields: [] }).fields) {
        const one = form.elements.namedItem(field);
        if (one && one.value === value) put(one, shown.get(field));
      }
    };
    const restore = () => {
      const draft = parse(name);
      if (!draft) return;
      mark.value = draft.id;
      if ("answer" in form.dataset) {
        for (const [field] of draft.fields) always.add(field);
        save();
        return;
      }
      const changed = draft.fields.filter(([field, value]) => shown.has(field) && shown.get(field) !== value);
      if (!changed.length) {
        kept.remove(name); // it is stored already
        mark.value = "";
        return;
      }
      // What the browser put back by itself after a reload is as good; what is new is left alone.
      for (const [field, value, was] of changed) {
        const one = form.elements.namedItem(field);
        if (one.value !== shown.get(field) && one.value !== value) continue;
        if (one.value !== value) put(one, value);
        if (was !== undefined && hidden(`was_${field}`)) hidden(`was_${field}`).value = was;
      }
      if (draft.seen !== undefined && hidden("seen")) hidden("seen").value = draft.seen;
      if (draft.token && hidden("form_token")) hidden("form_token").value = draft.token;
      say(draft.at);
    };
    clear();
    window.addEventListener("pageshow", clear, { once: true });
    restore();
    form.addEventListener("input", save);
    form.addEventListener("change", save);
    if (fields.some((one) => one.value !== shown.get(one.name))) save();
  };

  kept.ready.then(() => {
    forgetTaken();
    for (const part of document.querySelectorAll("[data-draft]")) keep(part);
  });

  // "Send again": the form's token is renewed, so that it is taken after signing in elsewhere.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-renew]") || event.defaultPrevented) return;
    event.preventDefault();
    const words = form.querySelector("[data-renew-words]");
    let problem = "No answer: check the connection, then send it again. What you typed is still here.";
    try {
      const answer = await fetch(form.dataset.renew, { headers: { "HX-Request": "true" } });
      if (answer.ok) {
        form.elements.namedItem("csrf_token").value = await answer.text();
        form.submit();
        return;
      }
      if (answer.status === 401) problem = "You are not signed in yet. Sign in in the other tab first.";
    } catch {
      // said below
    }
    words.textContent = problem;
    words.hidden = false;
    delete form.dataset.isSent;
  });
})();
