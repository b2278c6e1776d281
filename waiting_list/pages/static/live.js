// What the page of a place does by itself, beside what page.js does: a place that is live, a clock, an old place
// without a network. The server writes the page; this only asks for it again when there is something new.

const language = document.documentElement.lang;
/** Dates as the server writes them. */
const region = language === "en" ? "en-GB" : language;

/** By how many milliseconds this device's clock is behind the server's, as of when the page was written. */
const behind = at => (at ? Date.parse(at) - Date.now() : 0);

/** At how many minutes before the deadline somebody who does not see the clock is told. */
const TOLD_AT = [60, 30, 15, 10, 5, 3, 2, 1];

/** A large clock, by the server's time. At its end it says so, and takes the button away, though the network is gone. */
function runClock(element, skew) {
  const place = element.closest("[data-live]");
  const until = Date.parse(element.dataset.clock);
  const unit = name => new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "long" });
  const two = new Intl.NumberFormat(language, { minimumIntegerDigits: 2 });
  let said;
  function tick() {
    if (!element.isConnected) return;
    const left = Math.max(0, Math.ceil((until - Date.now() - skew) / 1000));
    const [days, hours, minutes, seconds] = [left / 86400, (left / 3600) % 24, (left / 60) % 60, left % 60].map(Math.floor);
    if (days > 1) element.textContent = `${unit("day").format(days)} ${unit("hour").format(hours)}`;
    else {
      const parts = [Math.floor(left / 3600), minutes, seconds].slice(left < 3600 ? 1 : 0);
      element.textContent = parts.map((one, index) => (index ? two.format(one) : String(one))).join(":");
    }
    element.classList.toggle("soon", left < 300);
    const now = Math.ceil(left / 60);
    if (said !== undefined && now !== said && TOLD_AT.includes(now) && left)
      tell(element.dataset.text.replace("{duration}", unit("minute").format(now)));
    said = now;
    if (!left) return end();
    setTimeout(tick, 1000 - ((Date.now() + skew) % 1000));
  }
  function end() {
    const over = place.querySelector("[data-over]");
    over.hidden = false;
    place.querySelector(".buy")?.remove();
    tell(over.textContent);
    setTimeout(() => renew(place).catch(() => false), 500 + 2000 * Math.random());
  }
  element.setAttribute("aria-hidden", "true");
  tick();
}

/** Runs what is new on the page; page.js does the rest of it. */
function enliven(root) {
  const skew = behind(root.querySelector("[data-now]")?.dataset.now);
  for (const element of root.querySelectorAll("[data-clock]")) runClock(element, skew);
}

/** The same, for a part of the page that was written anew. */
function enlivenAgain(root) {
  enliven(root);
  root.dispatchEvent(new Event("renewed", { bubbles: true }));
}

/** When this browser last heard of what it shows. */
let heardAt = Number(document.querySelector("[data-offline]")?.dataset.at ?? Date.now());

/** Says that the place is an old one, and how old; as worker.js does where it answers for the service. */
function showOffline(is) {
  const note = document.querySelector("[data-offline]");
  if (!note) return;
  note.hidden = !is;
  if (!is) return;
  const minutes = Math.max(0, Math.floor((Date.now() - heardAt) / 60_000));
  const [count, unit] = minutes < 60 ? [minutes, "minute"] : [Math.floor(minutes / 60), "hour"];
  const age = new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(count);
  const time = new Intl.DateTimeFormat(region, { timeStyle: "short" }).format(heardAt);
  const text = note.dataset.offline.replace("{time}", time).replace("{age}", age);
  if (note.textContent !== text) note.textContent = text;
}

const isOffline = () => document.querySelector("[data-offline]")?.hidden === false;

/** Has the worker keep this page, and what the stream tells of it, for when there is no network. */
async function keepPlace(live) {
  const place = document.querySelector("[data-live]");
  const script = document.querySelector("[data-worker]")?.dataset.worker;
  if (!place || !script || !navigator.serviceWorker) return;
  if (live) {
    const { number, position, tickets_ahead } = live;
    const known = new Response(JSON.stringify({ number, position, tickets_ahead, at: Date.now() }));
    return (await caches.open("place")).put(`${location.pathname}?live`, known);
  }
  const above = new URL(".", new URL(script, location)).pathname;
  const scope = above + location.pathname.slice(above.length).split("/")[0] + "/";
  const registration = await navigator.serviceWorker.register(script, { scope, updateViaCache: "none" });
  const worker = registration.active ?? registration.waiting ?? registration.installing;
  if (!navigator.serviceWorker.controller) worker.postMessage({ keep: location.pathname });
}

/** The page as it is now, in place of what is shown: a part of it while the fan goes on waiting, so that nothing is
 *  lost of a form that is half filled in; all of it when something else is to be done. */
async function renew(place) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!answer.ok && answer.status !== 404) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = page.querySelector("[data-live]");
  heardAt = Date.now();
  if (next && next.dataset.status === place.dataset.status && next.dataset.number === place.dataset.number) {
    place.replaceChildren(...next.childNodes);
    place.dataset.seen = next.dataset.seen;
    place.dataset.now = next.dataset.now;
    enlivenAgain(place.parentElement);
    showOffline(false);
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
  enlivenAgain(document);
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
  source.onopen = () => {
    if (isOffline()) again(0);
  };
  source.onmessage = event => {
    heardAt = Date.now();
    if (event.lastEventId === place.dataset.seen) return;
    const entry = JSON.parse(event.data);
    const undrawn = entry.status === "waiting" && entry.position === null;
    const status = entry.paused_at ? "paused" : undrawn ? "undrawn" : entry.status;
    if (status !== place.dataset.status || String(entry.number) !== place.dataset.number) return again(0);
    for (const element of document.querySelectorAll("[data-field]")) {
      element.textContent = number.format(entry[element.dataset.field]);
    }
    keepPlace(entry).catch(() => {});
    // Everybody behind a fan who goes moves in the same moment: not all of them ask for the rest of the page in it,
    // and whoever is far behind, of whom there are many, asks seldom. Their place itself is always told at once.
    if (timer) return;
    const delay = 500 + (4000 + Math.min(50 * entry.position, 300_000)) * Math.random();
    // What is said of those ahead would be wrong for so long: rather nothing.
    if (delay > 10_000) place.querySelector("[data-why]").hidden = true;
    again(delay);
  };
}

enliven(document);
watch();
keepPlace().catch(() => {});
if (!navigator.onLine || isOffline()) showOffline(true);
addEventListener("offline", () => showOffline(true));
setInterval(() => isOffline() && showOffline(true), 20_000);
