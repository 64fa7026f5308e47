// Files beside a note: pasted and dropped ones join those that were chosen, and what is too large
// is said before anything is sent. The form works without this file.
(() => {
  "use strict";
  const box = document.querySelector("[data-files]");
  if (!box) return;
  const input = box.querySelector("input[type=file]");
  const problem = box.querySelector(".field-error");
  const form = input.form;
  const largest = Number(box.dataset.largest);

  const say = (words) => {
    problem.textContent = words;
    problem.hidden = !words;
    input.toggleAttribute("aria-invalid", Boolean(words));
    input.classList.toggle("is-invalid", Boolean(words));
  };
  const check = () => {
    const tooLarge = [...input.files].filter((file) => file.size > largest);
    const names = tooLarge.map((file) => `“${file.name}”`).join(", ");
    say(tooLarge.length ? `Larger than ${box.dataset.largestWords}: ${names}.` : "");
    return !tooLarge.length;
  };
  const add = (files) => {
    const all = new DataTransfer();
    for (const file of [...input.files, ...files]) all.items.add(file);
    input.files = all.files;
    check();
  };

  // A pasted picture has no name of its own: it gets the time.
  const named = (file) => {
    if (file.name && file.name !== "image.png") return file;
    const now = new Date();
    const moment = new Date(now - now.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
    const ending = (file.type.split("/")[1] || "png").replace(/[^a-z0-9]/g, "");
    return new File([file], `pasted-${moment.replace(/[:T]/g, "-")}.${ending}`, { type: file.type });
  };
  form.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files || [])];
    if (!files.length) return;
    event.preventDefault();
    add(files.map(named));
  });
  form.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  form.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    add([...event.dataTransfer.files]);
  });
  input.addEventListener("change", check);
  form.addEventListener(
    "submit",
    (event) => {
      if (check()) return;
      event.preventDefault();
      event.stopImmediatePropagation(); // the draft of the note stays
      input.focus();
    },
    true,
  );
})();
