// The worker of a fan's own place. It does two things: without a network it shows the last known place, with its age;
// and it shows what the service pushes. It keeps no other page: not those of lists, of other fans or of organizers.

const KEPT = "place";
const LONGEST = 24 * 3600 * 1000;
/** The most answers to keep: places, and the files that they load. Old files would pile up otherwise. */
const MOST = 60;
const scope = new URL(self.registration.scope).pathname;
const own = scope.split("/").at(-2) === "e" ? /^[^/]+$/ : /^[^/]+\/[^/]+\/place$/;
const file = /\/(?:static|accents)\/[^/]+$/;

const isPlace = url => url.pathname.startsWith(scope) && own.test(url.pathname.slice(scope.length));
const nameOf = url => url.origin + url.pathname;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", event => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (isPlace(url)) {
    const answer = fetch(event.request);
    const kept = answer.then(found => keep(url, found.clone()), () => {});
    event.waitUntil(kept);
    // The page itself asks for what is true now: it gets no old answer.
    const shown = event.request.mode === "navigate" ? answer.catch(error => known(url, error)) : answer;
    event.respondWith(shown);
  } else if (file.test(url.pathname)) {
    event.respondWith(fetch(event.request).catch(async error => (await (await caches.open(KEPT)).match(url)) ?? fail(error)));
  }
});

/** The page that has just installed this worker came past it. */
self.addEventListener("message", event => {
  const url = new URL(event.data.keep, location.origin);
  if (isPlace(url)) event.waitUntil(fetch(url, { headers: { Accept: "text/html" }, cache: "no-store", redirect: "manual" }).then(found => keep(url, found), () => {}));
});

function fail(error) {
  throw error;
}

/** Keeps a place that is still one; forgets one that is over, or that its reader may no longer see. */
async function keep(url, answer) {
  if (answer.status >= 500 || answer.status === 429) return;
  const page = answer.status === 200 && !answer.redirected ? await answer.text() : "";
  let cache = await caches.open(KEPT);
  if ((await cache.keys()).length > MOST) {
    await caches.delete(KEPT);
    cache = await caches.open(KEPT);
  }
  if (!page.includes(" data-live=")) return cache.delete(nameOf(url), { ignoreSearch: true });
  const headers = { "Content-Type": "text/html; charset=utf-8", "X-Kept-At": String(Date.now()) };
  for (const name of ["Content-Security-Policy", "Referrer-Policy"]) headers[name] = answer.headers.get(name) ?? "";
  await cache.put(nameOf(url), new Response(page, { headers }));
  await cache.delete(`${nameOf(url)}?live`);
  const files = [...page.matchAll(/ (?:href|src)="([^"]+)"/g)].map(found => new URL(found[1], url)).filter(one => file.test(one.pathname));
  await Promise.all(files.map(async one => (await cache.match(one)) || cache.add(one).catch(() => {})));
}

/** The last known place, which says how old it is. */
async function known(url, error) {
  const cache = await caches.open(KEPT);
  const [found, live] = await Promise.all([cache.match(nameOf(url)), cache.match(`${nameOf(url)}?live`)]);
  if (!found) throw error;
  let page = await found.text();
  let at = Number(found.headers.get("X-Kept-At"));
  const language = page.match(/<html lang="([\w-]+)"/)?.[1] ?? "en";
  const seen = live ? await live.json() : undefined;
  if (seen?.at > at && page.includes(` data-status="waiting" data-number="${seen.number}"`)) {
    const number = new Intl.NumberFormat(language);
    at = seen.at;
    page = page.replace(/(data-field="(position|tickets_ahead)">)[^<]*/g, (_, start, name) => start + number.format(seen[name]));
  }
  if (!(Date.now() - at < LONGEST)) {
    await cache.delete(nameOf(url), { ignoreSearch: true });
    throw error;
  }
  const told = text => text.replace("{time}", timeOf(at, language)).replace("{age}", ageOf(at, language));
  page = page.replace(/(data-offline="([^"]*)"[^>]*) hidden>/, (_, start, text) => `${start} data-at="${at}">${told(text)}`);
  return new Response(page, { headers: found.headers });
}

function timeOf(at, language) {
  return new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { timeStyle: "short" }).format(at);
}

function ageOf(at, language) {
  const minutes = Math.max(0, Math.floor((Date.now() - at) / 60_000));
  const [count, unit] = minutes < 60 ? [minutes, "minute"] : [Math.floor(minutes / 60), "hour"];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(count);
}

self.addEventListener("push", event => {
  const { title, body, path, tag, lang, silent } = event.data.json();
  const icon = new URL("static/icon-192.png", location).href;
  event.waitUntil(self.registration.showNotification(title, { body, tag, lang, silent, icon, renotify: !silent, data: path }));
});

self.addEventListener("notificationclick", event => {
  event.notification.close();
  const url = new URL(event.notification.data, location.origin);
  if (url.origin !== location.origin) return;
  event.waitUntil(
    self.clients.matchAll({ type: "window", includeUncontrolled: true }).then(windows => {
      const open = windows.find(one => one.url.split("#")[0] === url.href);
      return open ? open.focus() : self.clients.openWindow(url.href);
    }),
  );
});
