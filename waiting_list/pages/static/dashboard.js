// What pages of the dashboard do by themselves: follow changes, preview an action in place, and keys. All of them work
// without it. The server writes the pages; this only asks for them.

const texts = document.querySelector("[data-texts]")?.content;
const text = name => texts.querySelector(`[data-text="${name}"]`).textContent;

async function loaded(address, options) {
  const answer = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store", ...options });
  // Whoever is signed out is sent elsewhere, and so is this page.
  if (answer.redirected) location.reload();
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** Puts the new parts in place of the old ones. A part in which somebody types or has opened something stays. */
function renew(page) {
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = page.querySelector(`[data-part="${part.dataset.part}"]`);
    const fields = [...part.querySelectorAll("input:not([type=hidden]):not([type=checkbox]), select, textarea")];
    const busy = fields.some(field => field === document.activeElement || field.value !== initial(field));
    if (!next || busy || part.querySelector("details[open]") || same(part, next)) continue;
    const checked = new Set([...part.querySelectorAll("input:checked")].map(box => `${box.name}=${box.value}`));
    const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
    part.replaceChildren(...next.childNodes);
    for (const box of part.querySelectorAll("input[type=checkbox]")) box.checked ||= checked.has(`${box.name}=${box.value}`);
    if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  }
}

const initial = field => (field.options ? [...field.options].find(one => one.defaultSelected)?.value ?? field.options[0]?.value : field.defaultValue);

/** Whether two parts read the same. Tokens of forms differ from page to page, and change nothing. */
function same(part, next) {
  const bare = element => {
    const copy = element.cloneNode(true);
    for (const field of copy.querySelectorAll("input[type=hidden], input[type=checkbox]")) field.remove();
    return copy.innerHTML;
  };
  return bare(part) === bare(next);
}

/** Follows the changes of what the page shows. It asks for itself again at most as often as it can be answered well. */
function follow(element) {
  const source = new EventSource(element.dataset.changes);
  let seen = element.dataset.version;
  let shown = seen;
  let busy = false;
  async function look() {
    if (busy || document.hidden || seen === shown || document.querySelector("dialog[open]")) return;
    busy = true;
    const version = seen;
    const began = performance.now();
    try {
      renew(await loaded(location.href));
      shown = version;
      element.dataset.version = version;
    } catch {
      // The next change, or the stream when it is back, asks again.
    }
    setTimeout(() => {
      busy = false;
      look();
    }, Math.max(500, 5 * (performance.now() - began)));
  }
  source.onmessage = event => {
    seen = event.data;
    look();
  };
  // A browser gives up for ever on an answer that is no stream: that of a proxy while the service restarts, say.
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(async () => {
      await loaded(location.href).catch(() => {}); // which leaves the page if nobody is signed in any more
      follow(element);
    }, 2000 + 8000 * Math.random());
  };
  document.addEventListener("visibilitychange", look);
  document.addEventListener("close", look, true);
}

/** A dialog with these contents, which is gone when it is closed. */
function opened(label, ...contents) {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", label);
  dialog.append(...contents);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", event => {
    if (event.target === dialog || event.target.closest("[data-close]")) {
      event.preventDefault();
      dialog.close();
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Shows the preview of an action over the page. Its button confirms as on the page of the preview. */
async function preview(form, submitter) {
  const page = await loaded(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, submitter)) });
  const title = page.querySelector("h1");
  const contents = [title];
  for (let one = title.nextElementSibling; one; one = one.nextElementSibling) contents.push(one);
  opened(title.textContent, ...contents).querySelector("button, a")?.focus();
}

document.addEventListener("submit", event => {
  const form = event.target;
  if (form.dataset.preview === undefined) return;
  event.preventDefault();
  preview(form, event.submitter).catch(() => {
    delete form.dataset.preview;
    form.requestSubmit(event.submitter);
  });
});

const letters = value => value.toLocaleLowerCase().normalize("NFD").replace(/\p{M}/gu, "");

/** Lets the reader go anywhere by typing: the links of this page, and a search. */
function palette() {
  const field = document.createElement("input");
  field.type = "search";
  field.setAttribute("aria-label", text("palette"));
  field.placeholder = text("palette");
  const list = document.createElement("ul");
  list.className = "cards";
  const links = [...document.querySelectorAll(".top nav a, .tabs a, main th a, main .card > a")];
  const named = link => (link.closest("th, .need") ?? link).textContent.replace(/\s+/g, " ").trim();
  const known = [...new Map(links.map(link => [link.href, named(link)]))];
  function offer() {
    const words = letters(field.value).split(/\s+/).filter(Boolean);
    const found = known.filter(([, name]) => words.every(word => letters(name).includes(word))).slice(0, 8);
    const typed = field.value.trim();
    for (const search of typed ? texts.querySelectorAll("[data-search-in]") : []) {
      found.push([search.dataset.searchIn + encodeURIComponent(typed), search.textContent.replace("{text}", typed)]);
    }
    list.replaceChildren(
      ...found.map(([address, name]) => {
        const item = document.createElement("li");
        const link = document.createElement("a");
        [link.href, link.textContent] = [address, name];
        item.className = "card";
        item.append(link);
        return item;
      }),
    );
  }
  field.addEventListener("input", offer);
  const dialog = opened(text("palette"), field, list);
  dialog.addEventListener("keydown", event => {
    const all = [field, ...list.querySelectorAll("a")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
    } else if (event.key === "Enter" && document.activeElement === field) {
      event.preventDefault();
      list.querySelector("a")?.click();
    }
  });
  offer();
}

/** Whoever speaks to the device, or types with a stick, can turn the keys off: WCAG 2.2, 2.1.4. */
const keys = { get on() { return localStorage.getItem("keys") !== "off"; }, set on(value) { localStorage.setItem("keys", value ? "on" : "off"); } };

function help() {
  const shown = texts.querySelector("[data-keys]").cloneNode(true);
  const box = shown.querySelector("input");
  box.checked = keys.on;
  box.addEventListener("change", () => (keys.on = box.checked));
  opened(text("keys"), ...shown.childNodes);
}

/** The keys: `g` and a letter go to a page of the navigation, `/` searches, `?` lists all of them. */
let went = 0;
document.addEventListener("keydown", event => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    if (!document.querySelector("dialog[open]")) palette();
    return;
  }
  const typing = event.target.closest?.("input:not([type=checkbox]), select, textarea, dialog");
  if (event.key !== "?" && !keys.on) return;
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "/") {
    event.preventDefault();
    const field = document.querySelector("[data-search]");
    if (!field) return palette();
    field.focus();
    field.select();
  } else if (event.key === "?") help();
  else if (event.key === "g") went = event.timeStamp;
  else if (event.timeStamp - went < 1500) {
    document.querySelector(`.top nav a[data-key="${CSS.escape(event.key)}"]`)?.click();
    went = 0;
  }
});

const followed = document.querySelector("[data-changes]");
if (followed) follow(followed);

/** What was done is said once: not again on a reload. A way back goes when its seconds are over. */
if (document.querySelector("[data-once]")) {
  const here = new URL(location.href);
  for (const name of ["done", "n", "ready", "undo"]) here.searchParams.delete(name);
  history.replaceState(history.state, "", here);
}
for (const form of document.querySelectorAll("[data-for-seconds]")) {
  setTimeout(() => form.remove(), 1000 * Number(form.dataset.forSeconds));
}

/** Links, keys and lines of code are there to be copied. A browser allows it on secure pages alone. */
for (const shown of navigator.clipboard ? document.querySelectorAll(".pass, pre.text") : []) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet button copy";
  button.textContent = text("copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(shown.textContent);
    button.textContent = text("copied");
    setTimeout(() => (button.textContent = text("copy")), 2000);
  });
  shown.after(button);
}
