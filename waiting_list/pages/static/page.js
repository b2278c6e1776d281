// What all pages do by themselves: instants where the reader is, buttons that copy and share, a challenge's work.
// All of them read well without it. What only the page of a place does is in live.js.

const language = document.documentElement.lang;
/** Dates as the server writes them. */
const region = language === "en" ? "en-GB" : language;

function showLocal(element) {
  const { local, timezone, text } = element.dataset;
  const options = { dateStyle: "full", timeStyle: "short" };
  const shown = zone => new Intl.DateTimeFormat(region, { ...options, timeZone: zone }).format(new Date(local));
  if (shown(undefined) === shown(timezone)) return;
  element.textContent = text.replace("{instant}", shown(undefined));
  element.hidden = false;
}

/** Beside an instant in the event's timezone, the reader's own time where it differs. */
function showYours(element) {
  const { yours, timezone } = element.dataset;
  const at = new Date(element.dateTime);
  const format = (options, zone) => new Intl.DateTimeFormat(region, { ...options, timeZone: zone }).format(at);
  const [day, time] = [{ dateStyle: "medium" }, { timeStyle: "short" }];
  if (format({ ...day, ...time }) === format({ ...day, ...time }, timezone)) return;
  const shown = format(day) === format(day, timezone) ? time : { ...day, ...time };
  const own = document.createElement("span");
  own.className = "yours";
  own.textContent = yours.replace("{time}", format(shown));
  element.after(" ", own);
  delete element.dataset.yours;
}

function enliven(root) {
  for (const element of root.querySelectorAll("[data-local]")) showLocal(element);
  for (const element of root.querySelectorAll("[data-yours]")) showYours(element);
  reachOut(root);
}

/** Forgets all places that this browser keeps, and ends what is pushed to it. */
async function forgetPlaces() {
  await globalThis.caches?.delete("place");
  const registrations = (await navigator.serviceWorker?.getRegistrations()) ?? [];
  await Promise.all(registrations.map(one => one.unregister()));
}

/** Solves a challenge in a worker, or here where this browser has none of this kind: a little at a time. */
function solved(challenge, script) {
  return new Promise((done, failed) => {
    const worker = new Worker(script, { type: "module" });
    worker.onmessage = ({ data }) => done(data);
    worker.onerror = failed;
    worker.postMessage(challenge);
  }).catch(async () => (await import(script)).solve(challenge));
}

/** Does the work that a form asks for, and sends it: its fan has pressed the button before. */
async function prove(field) {
  const told = document.querySelector("[data-checking]");
  told.textContent = document.querySelector("[data-working]").content.textContent;
  try {
    field.value = (await solved(JSON.parse(field.dataset.challenge), field.dataset.solver)).join(".");
    if (field.dataset.byHand === undefined) field.form.requestSubmit();
    else told.textContent = told.dataset.solved;
  } catch {
    told.textContent = told.dataset.failed;
  }
}

/** Shows and runs the buttons that copy an address, share a page and have this device told, where the browser can. */
function reachOut(root) {
  const push = root.querySelector("[data-push]");
  if (push) import(push.dataset.script).then(script => script.offer(push)).catch(() => {});
  for (const item of root.querySelectorAll("[data-copy], [data-share]")) {
    const { copy, share } = item.dataset;
    const button = item.querySelector("button");
    item.hidden = !navigator.clipboard && !(share && navigator.share);
    button.onclick = async () => {
      if (share && navigator.share) return navigator.share({ title: document.title, url: share }).catch(() => {});
      await navigator.clipboard.writeText(copy ?? share);
      const told = item.closest("section").querySelector("[role=status]");
      const text = button.textContent;
      button.textContent = told.textContent = button.dataset.done;
      setTimeout(() => {
        button.textContent = text;
        told.textContent = "";
      }, 2000);
    };
  }
}

/** Gives a form a number of its own, so that a second press finds the place that the first has made. */
function sendOnce(form) {
  const field = Object.assign(document.createElement("input"), { type: "hidden", name: "once" });
  field.value = [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("");
  form.append(field);
}

for (const form of document.querySelectorAll("[data-once]")) sendOnce(form);
enliven(document);
// live.js has written a part of the page anew.
document.addEventListener("renewed", event => enliven(event.target));
for (const form of document.querySelectorAll('form[action$="/sign-out"]')) {
  form.onsubmit = event => {
    event.preventDefault();
    form.onsubmit = null;
    forgetPlaces()
      .catch(() => {})
      .finally(() => form.requestSubmit(event.submitter));
  };
}
for (const field of document.querySelectorAll("[data-challenge]")) prove(field);
for (const field of document.querySelectorAll("[data-from-fragment]")) {
  // The server never sees a fragment, so no log has this code; nor does the history of the browser keep it.
  if (location.hash.length > 1) field.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
}
