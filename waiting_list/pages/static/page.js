// What pages do by themselves: a place that is live, a countdown, instants where the reader is. All of them read well
// without it. The server writes the page; this only asks for it again when there is something new.

const language = document.documentElement.lang;
/** Dates as the server writes them. */
const region = language === "en" ? "en-GB" : language;

/** By how many milliseconds this device's clock is behind the server's, as of when the page was written. */
const behind = at => (at ? Date.parse(at) - Date.now() : 0);

function countDown(element, skew) {
  const until = Date.parse(element.dataset.countdown);
  const unit = name => new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "long" });
  const units = { day: 86400, hour: 3600, minute: 60, second: 1 };
  const format = Object.fromEntries(Object.keys(units).map(name => [name, unit(name)]));
  const [before, after] = element.dataset.text.split("{duration}");
  function tick() {
    if (!element.isConnected) return;
    let left = Math.max(0, Math.ceil((until - Date.now() - skew) / 1000));
    const parts = [];
    for (const [name, seconds] of Object.entries(units)) {
      const count = Math.floor(left / seconds);
      left %= seconds;
      // Seconds matter in the last day; before that they only flicker.
      if ((count || (name === "second" && !parts.length)) && parts.length < 3) parts.push(format[name].format(count));
    }
    element.textContent = before + parts.join(" ") + after;
    setTimeout(tick, 1000 - ((Date.now() + skew) % 1000));
  }
  tick();
}

function showLocal(element) {
  const { local, timezone, text } = element.dataset;
  const options = { dateStyle: "full", timeStyle: "short" };
  const shown = zone => new Intl.DateTimeFormat(region, { ...options, timeZone: zone }).format(new Date(local));
  if (shown(undefined) === shown(timezone)) return;
  element.textContent = text.replace("{instant}", shown(undefined));
  element.hidden = false;
}

function enliven(root) {
  const skew = behind(root.querySelector("[data-now]")?.dataset.now);
  for (const element of root.querySelectorAll("[data-countdown]")) countDown(element, skew);
  for (const element of root.querySelectorAll("[data-local]")) showLocal(element);
  reachOut(root);
}

/** The page as it is now, in place of what is shown: a part of it while the fan goes on waiting, so that nothing is
 *  lost of a form that is half filled in; all of it when something else is to be done. */
async function renew(place) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!answer.ok && answer.status !== 404) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = page.querySelector("[data-live]");
  if (next && next.dataset.status === place.dataset.status && next.dataset.number === place.dataset.number) {
    place.replaceChildren(...next.childNodes);
    place.dataset.seen = next.dataset.seen;
    place.dataset.now = next.dataset.now;
    enliven(place.parentElement);
    tell(place.querySelector("[data-why]")?.textContent);
    return true;
  }
  const main = page.querySelector("main");
  const old = document.querySelector("main");
  const had = old.contains(document.activeElement);
  old.replaceWith(main);
  document.title = page.title;
  if (had) {
    main.tabIndex = -1;
    main.focus();
  }
  enliven(document);
  watch();
  tell(`${page.title}. ${main.querySelector(".big")?.textContent ?? ""}`);
  return true;
}

/** Says it to who does not see it. */
function tell(text) {
  const told = document.querySelector("[data-told]");
  if (told && text) told.textContent = text.replace(/\s+/g, " ").trim();
}

/** Follows the place that the page shows, until it is another one. */
function watch() {
  const place = document.querySelector("[data-live]");
  if (!place) return;
  const source = new EventSource(place.dataset.live);
  const number = new Intl.NumberFormat(language);
  let timer;
  // A browser comes back by itself when a connection breaks, but gives up for ever on an answer that is no stream:
  // a proxy's while the service restarts, say. Whoever waits for their turn must not be left with a dead page.
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) return;
    clearTimeout(timer);
    setTimeout(async () => {
      await renew(place).catch(() => false);
      if (place.isConnected) watch();
    }, 2000 + 8000 * Math.random());
  };
  const again = delay => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      timer = undefined;
      const done = await renew(place).catch(() => false);
      if (!place.isConnected) source.close();
      else if (!done) again(2000 + 4000 * Math.random());
    }, delay);
  };
  source.onmessage = event => {
    if (event.lastEventId === place.dataset.seen) return;
    const entry = JSON.parse(event.data);
    if (entry.status !== place.dataset.status || String(entry.number) !== place.dataset.number) return again(0);
    for (const element of place.querySelectorAll("[data-field]")) {
      element.textContent = number.format(entry[element.dataset.field]);
    }
    // Everybody behind a fan who goes moves in the same moment: not all of them ask for the rest of the page in it,
    // and whoever is far behind, of whom there are many, asks seldom. Their place itself is always told at once.
    if (timer) return;
    const delay = 500 + (4000 + Math.min(50 * entry.position, 300_000)) * Math.random();
    // What is said of those ahead would be wrong for so long: rather nothing.
    if (delay > 10_000) place.querySelector("[data-why]").hidden = true;
    again(delay);
  };
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

/** Shows and runs the buttons that copy an address and share a page, where the browser can do that. */
function reachOut(root) {
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

enliven(document);
watch();
for (const field of document.querySelectorAll("[data-challenge]")) prove(field);
for (const field of document.querySelectorAll("[data-from-fragment]")) {
  // The server never sees a fragment, so no log has this code; nor does the history of the browser keep it.
  if (location.hash.length > 1) field.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
}
