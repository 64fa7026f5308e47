// Asks the browser for a passkey when such a form is sent; other ways to sign in need no script.
(() => {
  "use strict";
  const PROBLEMS = {
    NotAllowedError: "The browser gave no passkey: it was cancelled, or took too long. Try again.",
    InvalidStateError: "This passkey was added here before.",
    SecurityError: "Passkeys do not work at this address.",
  };
  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const readable = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const made = async (options) => {
    const found = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: readable(options.excludeCredentials),
      },
    });
    const answer = found.response;
    return {
      ...named(found),
      response: {
        clientDataJSON: text(answer.clientDataJSON),
        attestationObject: text(answer.attestationObject),
        transports: answer.getTransports ? answer.getTransports() : [],
      },
    };
  };

  const shown = async (options) => {
    const found = await navigator.credentials.get({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        allowCredentials: readable(options.allowCredentials),
      },
    });
    const answer = found.response;
    return {
      ...named(found),
      response: {
        clientDataJSON: text(answer.clientDataJSON),
        authenticatorData: text(answer.authenticatorData),
        signature: text(answer.signature),
        userHandle: answer.userHandle ? text(answer.userHandle) : null,
      },
    };
  };

  const named = (found) => ({ id: found.id, rawId: text(found.rawId), type: found.type });

  const ask = async (form) => {
    const response = await fetch(form.dataset.ask, { method: "POST", body: new FormData(form) });
    if (!(response.headers.get("Content-Type") || "").includes("json")) {
      location.reload(); // the page itself says what is asked for first
      return null;
    }
    return response.json();
  };

  const send = async (form, tell) => {
    if (!window.PublicKeyCredential) return tell("This browser knows no passkeys.");
    const asked = await ask(form);
    if (!asked) return undefined;
    if (asked.problem) return tell(asked.problem);
    const answer = await (form.dataset.passkey === "make" ? made : shown)(asked.options);
    form.querySelector("[data-answer]").value = JSON.stringify(answer);
    form.querySelector("[data-answer-token]").value = asked.token;
    form.submit();
    return undefined;
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const problem = form.querySelector("[data-passkey-problem]");
    const button = form.querySelector("button");
    const tell = (words) => {
      problem.textContent = words;
      problem.hidden = !words;
      button.disabled = false;
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      tell("");
      button.disabled = true;
      send(form, tell).catch((error) =>
        tell(PROBLEMS[error.name] || "The passkey could not be used. Reload the page and try again."),
      );
    });
  }
})();
