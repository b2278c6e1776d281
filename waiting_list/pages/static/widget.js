// <waiting-list offer="…" representation="…">: a waiting list on any page. docs/widget.md says how to use it.
// It calls the service that this file came from, and never with a cookie. Whatever comes from there becomes text, never
// markup, and no style is written into the page: a strict policy needs no exception.

/** The public address of the service, which may have a path. This file is in the folder static below it. */
const SERVICE = new URL("..", import.meta.url).href.slice(0, -1);
/** The texts of each language. The service writes all of them here, with their versions. */
const LANGUAGES = { en: "widget-en.json" };
/** Without any texts. */
const FALLBACK = { name: "Waiting list", sorry: "Something went wrong. Please try again in a moment.", sorry_away: "We cannot reach the waiting list right now. This page tries again automatically." };
const CHALLENGES_AT_MOST = 3;
const STREAMS_AT_MOST = 4;
/** Of this page: over HTTP/1.1 a browser keeps six connections to a host, and a join must find one free. */
let streams = 0;
const HIDDEN_MILLISECONDS = 5 * 60_000;
const MOST_CHOICES = 30;
const UNITS = { day: 86400, hour: 3600, minute: 60, second: 1 };

/** What a refusal's code says to a fan; any other one says `sorry`. */
const SORRY = {
  waiting_list_not_open: "closed", waiting_list_full: "full", waiting_list_ended: "ended", too_many_tickets: "maximum",
  address_taken: "sorry_taken", too_many_places: "sorry_places", already_left: "sorry_left", not_waiting: "sorry_ready", inventory_not_found: "sorry_absent",
  offer_not_found: "sorry_absent", unauthenticated: "sorry_signed_out", forbidden: "sorry_signed_out", rate_limited: "sorry_busy",
  tickets_minimum: "sorry_minimum", email: "sorry_email", // fields
};

const STYLE = new CSSStyleSheet();
STYLE.replaceSync(`
:host {
  display: block;
  --ink: var(--waiting-list-ink, #22201c); --paper: var(--waiting-list-paper, #fff);
  --quiet: var(--waiting-list-quiet, #57534a); --line: var(--waiting-list-line, #d9d4c8);
  --accent: var(--waiting-list-accent, var(--theirs, #1b4f9c)); --on-accent: var(--waiting-list-on-accent, var(--on-theirs, #fff));
  --good: var(--waiting-list-good, #1d6b36); --warning: var(--waiting-list-warning, #9c3b12);
  --radius: var(--waiting-list-radius, 8px);
  color: var(--ink); font: var(--waiting-list-font, inherit); line-height: 1.5; overflow-wrap: anywhere;
}
@supports (color: light-dark(red, red)) {
  :host {
    --ink: var(--waiting-list-ink, light-dark(#22201c, #eceaf0)); --paper: var(--waiting-list-paper, light-dark(#fff, #232228));
    --quiet: var(--waiting-list-quiet, light-dark(#57534a, #b6b2bf)); --line: var(--waiting-list-line, light-dark(#d9d4c8, #3d3b45));
    --accent: var(--waiting-list-accent, light-dark(var(--theirs, #1b4f9c), var(--theirs-dark, #9cc2ff)));
    --on-accent: var(--waiting-list-on-accent, light-dark(var(--on-theirs, #fff), var(--on-theirs-dark, #10131a)));
    --good: var(--waiting-list-good, light-dark(#1d6b36, #8fd6a4)); --warning: var(--waiting-list-warning, light-dark(#9c3b12, #ffb38a));
  }
}
:host([hidden]), [hidden] { display: none !important; }
*, ::before, ::after { box-sizing: border-box; }
section { padding: 16px; border: 1px solid var(--line); border-radius: calc(1.5 * var(--radius)); background: var(--paper); }
.loading { min-height: 15em; }
section.ready { border-color: var(--good); border-width: 2px; }
p, dl, ul, form, details, .heading, .row { margin: 0 0 12px; }
section > :last-child, .content > :last-child, .row > p { margin-bottom: 0; }
.heading, .big { font-size: 1.15em; font-weight: 600; line-height: 1.35; }
dl { display: flex; flex-wrap: wrap; gap: 8px 28px; }
dt, .note { color: var(--quiet); font-size: .9em; }
dd { margin: 0; font-size: 1.8em; font-weight: 700; line-height: 1.2; font-variant-numeric: tabular-nums; }
form, .row { display: flex; flex-wrap: wrap; gap: 12px; align-items: end; }
form .main { flex: 1 1 auto; }
.row > p { flex: 1 0 100%; }
.end { padding-top: 12px; border-top: 1px solid var(--line); }
label { font-size: .9em; }
select, input { display: block; min-width: 5em; min-height: 44px; margin: 4px 0 0; padding: 8px 12px; border: 1px solid var(--quiet);
  border-radius: var(--radius); background: var(--paper); color: var(--ink); font: inherit; font-size: max(16px, 1em); }
.wide { flex: 1 1 100%; }
.wide input { width: 100%; }
[type="checkbox"] { display: inline-block; min-width: 0; min-height: 0; width: 20px; height: 20px; margin: 0; vertical-align: -4px; accent-color: var(--accent); }
.check { flex: 1 0 100%; padding: 8px 0; }
button, a { display: inline-block; min-height: 44px; padding: 10px 18px; border: 1px solid var(--line); border-radius: var(--radius);
  background: var(--paper); color: var(--ink); font: inherit; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer; }
.main { border-color: transparent; background: var(--accent); color: var(--on-accent); }
.buy { width: 100%; padding: 14px 18px; font-size: 1.2em; }
.quiet { padding: 10px 0; border-color: transparent; background: none; color: var(--quiet); font-weight: 400; text-decoration: underline; }
.grave { border-color: var(--warning); color: var(--warning); }
[aria-disabled="true"], [aria-busy] .main { opacity: .6; cursor: default; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
[tabindex="-1"]:focus { outline: none; }
summary { padding: 4px 0; font-weight: 600; cursor: pointer; }
summary:focus-visible { border-radius: 4px; }
ul { padding: 0 0 0 1.2em; }
li { margin: 0 0 6px; }
.problem { padding: 10px 14px; border: 1px solid var(--warning); border-left-width: 5px; border-radius: var(--radius); }
.working:empty { margin: 0; }
.told { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (forced-colors: active) { .main { border-color: ButtonText; } }
`);

/** Of one request, however often it is sent. */
const key = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

/** An element with attributes, listeners (`onclick`) and children. Strings become text. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter(child => child));
  return element;
}

/** The language with texts that is nearest to a tag (BCP 47). */
function spoken(tag) {
  try {
    const [name] = Intl.getCanonicalLocales(tag.toLowerCase()).map(one => one.toLowerCase());
    return [name, name.split("-")[0]].find(one => Object.hasOwn(LANGUAGES, one));
  } catch {
    return undefined; // no tag
  }
}

const texts = {};
/** A language and its texts; English where they cannot be loaded. */
async function load(language) {
  texts[language] ??= fetch(new URL(LANGUAGES[language], import.meta.url), { credentials: "omit", signal: AbortSignal.timeout(10_000) })
    .then(answer => (answer.ok ? answer.json() : Promise.reject(answer)));
  try {
    return [language, await texts[language]];
  } catch (error) {
    delete texts[language];
    if (language === "en") throw error;
    return load("en");
  }
}

class Refused extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.code);
    Object.assign(this, { status, problem, retryAfter });
  }
}

class WaitingListElement extends HTMLElement {
  static observedAttributes = ["offer", "representation", "token", "lang", "locale", "heading", "heading-level", "buy-href"];

  #token; #getToken; #asked; #renewing;
  #life; #wake; #hidden; #restarting; #later; #failing;
  #list; #entry; #skew = 0; #last; #once; #acts = 0;
  #kind; #fields = {}; #timer; #telling;
  #texts = FALLBACK; #tag = "en";
  #colours = new CSSStyleSheet();
  #section = make("section", { part: "box" });
  #heading = make("div", { class: "heading", part: "heading", role: "heading", hidden: true });
  #content = make("div", { class: "content", part: "content", tabindex: "-1" });
  #problem = make("p", { class: "problem", part: "problem", role: "alert", hidden: true });
  #working = make("p", { class: "working", part: "working" });
  #told = make("p", { class: "told", role: "status" });

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [STYLE, this.#colours];
    this.#section.append(this.#heading, this.#problem, this.#working, this.#content, this.#told);
    root.append(this.#section);
  }

  connectedCallback() {
    // What the page has set before this file was there.
    for (const name of ["token", "getToken"]) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      this[name] = value;
    }
    document.addEventListener("visibilitychange", this.#onVisibility);
    addEventListener("online", this.#onNetwork);
    addEventListener("offline", this.#onNetwork);
    this.#show();
    this.#restart();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#onVisibility);
    removeEventListener("online", this.#onNetwork);
    removeEventListener("offline", this.#onNetwork);
    for (const timer of [this.#hidden, this.#timer, this.#telling, this.#later]) clearTimeout(timer);
    this.#life?.abort();
  }

  attributeChangedCallback(name, before, after) {
    if (before === after || !this.isConnected) return;
    if (name === "token") this.#signIn(undefined);
    else if (name === "offer" || name === "representation") this.#forget();
    else this.#speak().catch(() => {}).then(() => this.#show(true));
  }

  /** The fan's token; null: nobody is signed in. */
  get token() { return this.#token === undefined ? this.getAttribute("token") : this.#token; }
  set token(value) {
    if (value !== this.token) this.#signIn(value || null);
  }

  /** Asked for a token when there is none, and for another one when it is refused. */
  get getToken() { return this.#getToken; }
  set getToken(value) {
    this.#getToken = value;
    if (this.isConnected && !this.token) this.#restart();
  }

  /** The fan's latest entry in this list, as the service last told it; null: none that is known. */
  get entry() { return this.#entry ?? null; }

  /** Looks again now. */
  refresh() { this.#restart(); }

  // ---- What it asks the service.

  /** Somebody else's place is not shown a moment longer; what a fan has chosen before they signed in stays. */
  #signIn(token) {
    this.#token = token;
    this.#forget(this.#list);
  }

  #forget(list) {
    this.#entry = this.#last = this.#once = undefined;
    this.#list = list;
    if (!this.isConnected) return;
    this.#complain(null);
    this.#show();
    this.#restart();
  }

  #restart() {
    this.#asked = false;
    this.#life?.abort();
    if (this.#restarting) return;
    this.#restarting = true;
    // Several attributes that change together are one change.
    queueMicrotask(() => {
      this.#restarting = false;
      this.#life?.abort();
      if (!this.isConnected) return;
      this.#life = new AbortController();
      this.#follow(this.#life.signal);
    });
  }

  #onVisibility = () => {
    clearTimeout(this.#hidden);
    if (document.hidden) this.#hidden = setTimeout(() => this.#life?.abort(), HIDDEN_MILLISECONDS);
    else if (this.#life?.signal.aborted) this.#restart();
    else if (this.#entry?.status !== "waiting" && this.#entry?.status !== "ready") this.#wake?.();
  };

  #onNetwork = ({ type }) => {
    if (type === "offline") this.#fail({ text: "sorry_away" });
    else this.#restart();
  };

  async #ask(method, path, { body, headers, signal, open = false } = {}) {
    const list = `/v1/user/waiting-lists/${encodeURIComponent(this.getAttribute("offer"))}`
      + `/${encodeURIComponent(this.getAttribute("representation"))}`;
    for (let renewed = false; ; renewed = true) {
      const token = open ? null : this.token;
      const answer = await fetch(SERVICE + list + path, {
        method, signal, body: body && JSON.stringify(body), cache: "no-store", credentials: "omit", mode: "cors",
        headers: { ...headers, ...(token && { Authorization: `Bearer ${token}` }), ...(body && { "Content-Type": "application/json" }) },
      });
      const date = Date.parse(answer.headers.get("Date"));
      // The header is cut to the second: a countdown must not promise the rest of it.
      if (date) this.#skew = date + 1000 - Date.now();
      if (answer.ok) return answer;
      if (answer.status === 401 && !open && !renewed && (await this.#renew(token))) continue;
      const problem = await answer.json().catch(() => ({}));
      throw new Refused(answer.status, problem, Number(answer.headers.get("Retry-After")) || 0);
    }
  }

  /** Whether there is another token than the one that was refused. */
  async #renew(refused) {
    if (this.token !== refused) return Boolean(this.token);
    if (!this.#getToken) return false;
    this.#renewing ??= (async () => this.#getToken())().finally(() => { this.#renewing = undefined; });
    const token = await this.#renewing.catch(() => null);
    this.#token = token || null;
    return Boolean(token) && token !== refused;
  }

  /** Gets the texts of the language. */
  async #speak() {
    const tag = this.#language;
    const [language, found] = await load(spoken(tag));
    this.#texts = found;
    this.#tag = language === spoken(tag) ? tag : language;
  }

  async #load(signal) {
    // The language may be another when the list has said what its organization offers.
    const list = this.#ask("GET", "", { signal, open: true }).then(answer => answer.json());
    list.catch(() => {});
    await this.#speak().catch(() => {});
    this.#list = await list;
    await this.#speak();
    this.#dress();
    if (!this.token && !this.#asked) {
      this.#asked = true; // once: who is not signed in will not be so by themselves
      await this.#renew(this.token);
    }
    signal.throwIfAborted();
    let entry = null;
    const acts = this.#acts;
    if (this.token) {
      try {
        entry = await (await this.#ask("GET", "/entry", { signal })).json();
      } catch (error) {
        if (error.status === 401 || error.status === 403) this.#signedOut(error);
        else if (error.problem?.code !== "not_in_list") throw error;
      }
    }
    signal.throwIfAborted();
    // What was read may be older than what the fan has done meanwhile, whose answer says it.
    if (acts === this.#acts) this.#take(entry);
    if (this.#failing) this.#complain(null);
  }

  #signedOut(error) {
    this.#token = null;
    this.#complain(error);
  }

  #fail(error) {
    this.#complain(error);
    this.#failing = true;
    if (!this.#list) this.#show();
  }

  /** Follows the list for as long as it is shown: a stream while the fan waits or is ready, else a look now and then. */
  async #follow(signal) {
    if (!this.getAttribute("offer") || !this.getAttribute("representation")) {
      await this.#speak().catch(() => {});
      this.#fail(new Refused(404, { code: "inventory_not_found" }));
      return;
    }
    let failed = 0;
    let look = true;
    signal.addEventListener("abort", () => this.#wake?.(), { once: true });
    while (!signal.aborted) {
      let pause = 1000 + 2000 * Math.random();
      try {
        if (look) await this.#load(signal);
        failed = 0;
        const active = this.token && this.#entry && this.#entry.status !== "left";
        if (active && streams < STREAMS_AT_MOST) {
          await this.#watch(signal);
          look = !this.#entry || this.#entry.status === "left"; // else the next stream goes on where this one ended
        } else {
          look = true;
          pause = (active ? 5000 : 20_000) * (1 + Math.random());
        }
      } catch (error) {
        if (signal.aborted) return;
        look = true;
        failed += 1;
        // Whoever lost the service at the same moment does not come back in one.
        pause = Math.max(error.retryAfter * 1000 || 0, Math.min(60_000, 1000 * 2 ** failed)) * (0.5 + Math.random());
        if (error.status === 404) pause = 60_000;
        this.#fail(error.status < 500 && error.status !== 429 ? error : { text: "sorry_away", problem: error.problem });
      }
      await new Promise(go => {
        const timer = setTimeout(go, pause);
        this.#wake = (again = true) => { clearTimeout(timer); look = again; go(); };
      });
      this.#wake = undefined;
    }
  }

  /** Server-sent events (docs/live.md), read by hand: an EventSource cannot send a token. */
  async #watch(signal) {
    streams += 1;
    const ended = new AbortController();
    const stop = () => ended.abort();
    signal.addEventListener("abort", stop);
    try {
      const headers = this.#last ? { "Last-Event-ID": this.#last } : {};
      const answer = await this.#ask("GET", "/entry/live", { headers, signal: ended.signal });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        // A sign of life comes every 15 seconds.
        const dead = setTimeout(stop, 45_000);
        const { value, done } = await reader.read().finally(() => clearTimeout(dead));
        if (done) return;
        const events = (text += value).split("\n\n");
        text = events.pop();
        for (const event of events) {
          const [, id, data] = event.match(/^id: (.*)\ndata: (.*)$/) ?? [];
          if (!data || signal.aborted) continue;
          this.#last = id;
          this.#take(JSON.parse(data));
        }
        if (!this.#entry || this.#entry.status === "left") return;
      }
    } catch (error) {
      if (signal.aborted || !(error instanceof Refused)) return; // cut off: the next one goes on where it ended
      if (error.status !== 401 && error.status !== 403) throw error;
      this.#signedOut(error);
      this.#take(null);
    } finally {
      streams -= 1;
      signal.removeEventListener("abort", stop);
      ended.abort();
    }
  }

  /** Shows an entry, and tells the page of it where it is another. */
  #take(entry, acted = false) {
    const before = this.#entry;
    // Streams and acts do not say why a fan waits, and for how long: what was known holds until the next look.
    if (entry?.status === "waiting" && !entry.why) {
      const { why, estimate, tickets_ahead: ahead, tickets_wanted: wanted } = before ?? {};
      const scaled = seconds => seconds && seconds * (entry.tickets_ahead + entry.tickets_wanted) / (ahead + wanted);
      if (why) {
        entry = { ...entry, why, estimate: { ...estimate, earliest_seconds: scaled(estimate.earliest_seconds), latest_seconds: scaled(estimate.latest_seconds) } };
      }
      this.#later ??= setTimeout(() => {
        this.#later = undefined;
        if (!document.hidden && this.#life && !this.#life.signal.aborted) this.#load(this.#life.signal).catch(() => {});
      }, (why ? 60_000 : 1000) * (1 + Math.random()));
    }
    this.#entry = entry;
    this.#show();
    const plain = one => JSON.stringify({ ...one, estimate: 0 });
    if (before !== undefined && plain(before) === plain(entry)) return;
    this.#emit("change", { entry });
    this.#emit("changed", entry);
    if (!entry || (before === undefined && !acted)) return;
    const isNew = before?.number !== entry.number;
    const moved = isNew || before.status !== entry.status;
    if (isNew && entry.status !== "left") this.#emit("joined", entry);
    if (moved && entry.status !== "waiting") this.#emit(entry.status, entry);
    // Said at once when there is something to do; a place that moves, when it has come to rest.
    this.#tell(this.#sentence(), moved ? 0 : 3000);
  }

  /** Does something of the fan's, once at a time, and shows what became of it. */
  async #act(method, { path, body, headers, preview = false } = {}) {
    if (this.#section.hasAttribute("aria-busy")) return null;
    this.#section.setAttribute("aria-busy", "true");
    this.#acts += 1;
    this.#complain(null);
    const { signal } = this.#life;
    try {
      const answer = await this.#insist(method, { path, body, headers, signal });
      this.#once = undefined;
      const entry = await answer.json();
      if (preview) return signal.aborted ? null : entry;
      if (!signal.aborted) this.#take(entry, true);
      this.#wake?.(entry.status === "left");
    } catch (error) {
      if (signal.aborted) return null;
      if (error.status < 500 && error.status !== 429) this.#once = undefined;
      if (error.status === 401) {
        this.#token = null;
        this.#take(null);
      }
      if (error.problem?.entry) this.#take(error.problem.entry);
      this.#wake?.();
      const code = error.problem?.code;
      const isDone = code === "already_in_list" || (method === "DELETE" && code === "already_left");
      if (!isDone) this.#complain(error);
    } finally {
      this.#acts += 1;
      this.#section.removeAttribute("aria-busy");
    }
    return null;
  }

  /** Changes the wish. What would cost places in line is shown first, in `row`, and done when the fan says so. */
  async #change(row, body) {
    const { tickets_wanted: num, position: now } = this.#entry;
    row.replaceChildren();
    if (body.tickets_wanted > num) {
      const would = await this.#act("PATCH", { path: "/entry?preview=true", body, preview: true });
      if (!would) return;
      const then = would.position;
      if (then > now) {
        const question = make("p", { tabindex: "-1" }, this.#text("worse", { now, then }));
        row.append(question,
          make("button", { type: "button", class: "main", part: "button no", onclick: () => row.replaceChildren() }, this.#text("stay", { num, place: now })),
          make("button", { type: "button", part: "button yes", onclick: () => this.#act("PATCH", { body }) }, this.#text("ask_for", { num: body.tickets_wanted, place: then })));
        question.focus();
        return;
      }
    }
    this.#act("PATCH", { body });
  }

  /** Asks until there is an answer to a challenge, and to a network that failed once. */
  async #insist(method, { path = "/entry", body, headers, signal }) {
    const ask = () => this.#ask(method, path, { body, headers, signal });
    for (let challenges = 0; ; challenges++) {
      try {
        // The network: asked once more, which is safe, since a repeat is known by its key or changes nothing.
        return await ask().catch(error => (error instanceof Refused || signal.aborted ? Promise.reject(error) : ask()));
      } catch (error) {
        if (error.problem?.code !== "challenge_required" || challenges === CHALLENGES_AT_MOST) throw error;
        const { challenge } = error.problem;
        body = { ...body, challenge: { token: challenge.token, solution: await this.#solve(challenge) } };
        signal.throwIfAborted();
      }
    }
  }

  async #solve(challenge) {
    this.#working.textContent = this.#text("working");
    this.#tell(this.#working.textContent, 0);
    try {
      return await (await import("./challenge.js")).solve(challenge);
    } finally {
      this.#working.textContent = "";
    }
  }

  #join(wish) {
    if (!this.token) {
      if (this.#emit("sign-in", wish, true)) this.#complain({ text: "sign_in" });
      return;
    }
    const said = JSON.stringify(wish);
    if (this.#once?.said !== said) this.#once = { said, key: key() };
    this.#act("POST", { body: wish, headers: { "Idempotency-Key": this.#once.key } });
  }

  #emit(name, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(`waiting-list:${name}`, { detail, cancelable, bubbles: true, composed: true }));
  }

  // ---- What it says.

  /** The tag of the language: what the element says holds, else the page and the browser within what is offered. */
  get #language() {
    const own = [this.getAttribute("locale"), this.getAttribute("lang")].find(spoken);
    if (own) return own;
    const asked = [];
    for (let node = this; node; node = node.getRootNode().host) asked.push(node.closest("[lang]")?.lang);
    const theirs = this.#list?.organizer?.languages?.filter(spoken) ?? [];
    const isOffered = tag => spoken(tag) && (!theirs.length || theirs.some(one => spoken(one) === spoken(tag)));
    return [...asked, ...navigator.languages].find(isOffered) ?? theirs[0] ?? "en";
  }

  /** By whose rules dates are written: English of no country as on the service's own pages. */
  get #region() { return this.#tag.toLowerCase() === "en" ? "en-GB" : this.#tag; }

  #text(name, values = {}) {
    let text = this.#texts[name] ?? FALLBACK[name] ?? "";
    if (text.other) text = text[new Intl.PluralRules(this.#tag).select(values.num)] ?? text.other;
    return text.replace(/{(\w+)}/g, (_, key) => (typeof values[key] === "number" ? this.#number(values[key]) : values[key]));
  }

  #number(value, options) { return new Intl.NumberFormat(this.#tag, options).format(value); }

  /** An instant where the event takes place. */
  #instant(at) {
    try {
      return this.#clock(at, this.#list.timezone);
    } catch {
      return this.#clock(at); // a timezone that this browser does not know
    }
  }

  /** The same where the fan is, in a sentence of its own; nothing where it reads alike. */
  #here(at) {
    const instant = this.#clock(at);
    return instant === this.#instant(at) ? "" : this.#text("here", { instant });
  }

  #clock(at, timeZone) {
    return new Intl.DateTimeFormat(this.#region, { dateStyle: "full", timeStyle: "short", timeZone }).format(new Date(at));
  }

  #units(value, unit, unitDisplay = "long") { return this.#number(value, { style: "unit", unit, unitDisplay }); }

  /** Rounded down; seconds only on the last day. */
  #duration(seconds, display) {
    const parts = [];
    let left = Math.max(0, Math.floor(seconds));
    const days = left >= UNITS.day;
    for (const [unit, size] of Object.entries(UNITS)) {
      const count = Math.floor(left / size);
      left %= size;
      if ((count && !(days && unit === "second")) || (unit === "second" && !parts.length)) parts.push(this.#units(count, unit, display));
    }
    return parts.join(" ");
  }

  /** An estimate as pages write it: in one unit, because it must not look exact. */
  #about(first, last = first) {
    const unitOf = seconds => ["day", "hour"].find(unit => seconds >= 2 * UNITS[unit]) ?? "minute";
    const unit = unitOf(last);
    const own = first >= UNITS[unit] / 2 ? unit : unitOf(first);
    const [from, to] = [Math.max(1, Math.round(first / UNITS[own])), Math.max(1, Math.round(last / UNITS[unit]))];
    const latest = this.#units(to, unit);
    if (own === unit && from === to) return latest;
    return this.#text("range", { earliest: own === unit ? this.#number(from) : this.#units(from, own), latest });
  }

  /** The entry in one sentence. */
  #sentence() {
    const { status, position, left_reason: reason } = this.#entry;
    if (status === "waiting") return this.#text(position === 1 ? "next" : "place", { position });
    if (status === "left") return reason !== "ended" ? this.#text(reason) : this.#list?.list_state === "cancelled" ? this.#cancelled() : this.#text("left_ended");
    return `${this.#held()} ${this.#here(this.#until)}`.trim();
  }

  get #until() { return this.#entry.ready_until ?? this.#list.ends_at; }

  #held() { return this.#text("held", { num: this.#entry.tickets_held, until: this.#instant(this.#until) }); }

  #cancelled() { return `${this.#text("cancelled_show")} ${this.#list.state_reason ?? ""}`.trim(); }

  /** Why it is not this fan's turn yet. */
  #why() {
    const { position, tickets_ahead: ahead, tickets_minimum: least, why } = this.#entry;
    if (!why) return this.#sentence();
    const { code, free, most_held: most } = why;
    const fans = position - 1;
    const name = code === "nothing_free" && !fans ? "nothing_free_next" : code;
    const num = code === "too_many" ? most : code === "nothing_free" || code === "ahead" ? fans : free;
    return this.#text(name, { num, fans, free, least, tickets: this.#text("n_tickets", { num: ahead }) });
  }

  /** How fast the list moves, and when it may be this fan's turn. */
  #pace() {
    const { fans, seen_seconds: seen, earliest_seconds: first, latest_seconds: last } = this.#entry.estimate ?? {};
    if (fans === undefined) return "";
    const left = (Date.parse(this.#list.ends_at) - Date.now() - this.#skew) / 1000;
    const name = first === null ? "pace_unknown" : first >= left ? "pace_never" : last >= left ? "pace_maybe" : "pace";
    const said = this.#text(name, first && { earliest: this.#about(first), wait: this.#about(first, last) });
    return fans ? `${this.#text("seen", { num: fans, count: fans, duration: this.#about(seen) })}. ${said}` : said;
  }

  /** Says it to who does not see it. */
  #tell(text, delay) {
    clearTimeout(this.#telling);
    this.#telling = setTimeout(() => {
      if (this.#told.textContent !== text) this.#told.textContent = text;
    }, delay);
  }

  /** Shows a refusal, or that there is none any more. */
  #complain(error) {
    this.#failing = false;
    const { code, errors, maximum } = error?.problem ?? {};
    const name = error?.text ?? SORRY[errors?.[0]?.field] ?? SORRY[code] ?? "sorry";
    const text = error ? this.#text(name, { num: maximum ?? this.#list?.max_quantity_per_order }) : "";
    if (this.#problem.textContent !== text) this.#problem.textContent = text;
    this.#problem.hidden = !text;
    if (text && name !== "sign_in") this.#emit("error", error.problem ?? { code: "unreachable" });
  }

  // ---- What it shows. A view is built when another one is due; while it stays only its texts change, so that neither
  // focus nor what a fan has chosen is lost.

  #show(anew = false) {
    const heading = this.getAttribute("heading");
    this.#heading.textContent = heading ?? "";
    this.#heading.hidden = !heading;
    this.#heading.setAttribute("aria-level", this.getAttribute("heading-level") ?? "2");
    this.#section.setAttribute("aria-label", heading ? `${this.#text("name")}: ${heading}` : this.#text("name"));
    this.#section.lang = this.#tag;

    const [list, entry] = [this.#list, this.#texts === FALLBACK ? undefined : this.#entry];
    const status = !list || this.#texts === FALLBACK ? (this.#problem.hidden ? "loading" : "away") : (entry?.status ?? "none");
    const kind = JSON.stringify([status, this.#tag, entry?.number, status === "ready" && [entry.ready_at, entry.ready_until, entry.tickets_held],
      entry?.status !== "waiting" && [list?.open, list?.list_state], entry?.status !== "ready" && entry?.tickets_wanted,
      entry?.tickets_minimum, entry?.keep_waiting_for_rest, list?.max_quantity_per_order]);
    if (anew || kind !== this.#kind) {
      this.#kind = kind;
      this.#fields = {};
      clearTimeout(this.#timer);
      const had = this.#content.contains(this.shadowRoot.activeElement) && this.shadowRoot.activeElement;
      this.#section.className = status;
      this.#section.setAttribute("part", `box ${status}`);
      const views = { loading: () => [], away: () => [], waiting: this.#waiting, ready: this.#ready, left: this.#left, none: this.#none };
      this.#content.replaceChildren(...views[status].call(this).filter(Boolean));
      if (had) (this.#content.querySelector(had.name ? `[name="${had.name}"]` : `[part="${had.part}"]`) ?? this.#content).focus();
    }
    for (const [element, text] of Object.values(this.#fields)) {
      const said = text();
      if (element.textContent !== said) element.textContent = said;
    }
  }

  /** An element whose text is kept as it should be. */
  #kept(name, element, text) {
    this.#fields[name] = [element, text];
    return element;
  }

  /** The colours of the organization, where the shop sets none. */
  #dress() {
    const { light, on_light: onLight, dark, on_dark: onDark } = this.#list.organizer?.colors ?? {};
    this.#colours.replaceSync(light ? `:host { --theirs: ${light}; --on-theirs: ${onLight}; --theirs-dark: ${dark}; --on-theirs-dark: ${onDark}; }` : "");
  }

  /** What the list is, or why it takes no fans. */
  #state() {
    const { open, automatic, free, waiting, verify_email: verifies, list_state: state, closed_reason: closed, state_reason: reason } = this.#list;
    if (open) return this.#text(automatic && free && !waiting && !verifies ? "free" : "open", { num: free });
    return state === "cancelled" ? this.#cancelled() : this.#text(["draft", "show_began"].includes(reason) ? reason : closed);
  }

  #none() {
    return [
      this.#kept("open", make("p", { class: "big", part: "state" }), () => this.#state()),
      this.#list.closed_reason !== "not_opened"
        && this.#kept("waiting", make("p", { part: "count" }), () => this.#text("waiting", { num: this.#list.waiting })),
      ...(this.#list.open ? this.#wish("join", {}, wish => this.#join(wish)) : []),
      this.#rules(),
    ];
  }

  #left() {
    const again = this.#list.open && ["cancelled", "expired", "bought"].includes(this.#entry.left_reason);
    return [
      this.#kept("left", make("p", { class: "big", part: "state" }), () => this.#sentence()),
      ...(again ? this.#wish("join", {}, wish => this.#join(wish)) : []),
      this.#rules(),
    ];
  }

  #waiting() {
    const figure = name =>
      make("div", {}, make("dt", {}, this.#text(name)), this.#kept(name, make("dd", { part: name }), () => this.#number(this.#entry[name] ?? 0)));
    const { tickets_wanted: wanted, tickets_minimum: minimum } = this.#entry;
    const worse = make("div", { class: "row" });
    return [
      make("dl", { part: "figures" }, figure("position"), figure("tickets_ahead"), figure("number")),
      this.#kept("state", make("p", { class: "big", part: "state" }), () => this.#why()),
      make("p", {}, minimum < wanted ? this.#text("wish_minimum", { wanted, minimum }) : this.#text("wish", { num: wanted })),
      this.#kept("pace", make("p", { class: "note", part: "pace" }), () => this.#pace()),
      make("details", { part: "change" }, make("summary", {}, this.#text("change")),
        make("p", { class: "note" }, this.#text("change_note")),
        ...this.#wish("save", this.#entry, body => this.#change(worse, body)), worse),
      this.#rules(),
      this.#sure("leave", { position: this.#entry.position }, "leave_no"),
    ];
  }

  /** The verbs by their weight: buy, buy fewer, give some back, give all back. */
  #ready() {
    const { tickets_held: held, tickets_wanted: wanted, position } = this.#entry;
    const name = make("dt");
    const clock = make("dd", { part: "countdown" });
    const [buy, ...buttons] = [this.#buy("buy", () => held)];
    let fewer = [];
    if (held > 1) {
      const choice = this.#choice("fewer", held - 1, held - 1);
      const some = this.#buy("buy_n", () => choice.value);
      choice.control.addEventListener("change", some.renew);
      buttons.push(some);
      fewer = [make("div", { class: "row" }, choice.label, some.button), make("p", { class: "note" }, this.#text("fewer_note"))];
    }
    const until = this.#until;
    const tick = () => {
      const left = Date.parse(until) - Date.now() - this.#skew;
      name.textContent = this.#text(left > 0 ? "left" : "over");
      clock.textContent = left > 0 ? this.#duration(left / 1000, "short") : "";
      for (const { button } of [buy, ...buttons]) button.setAttribute("aria-disabled", String(left <= 0));
      if (left > 0) this.#timer = setTimeout(tick, left % 1000 || 1000);
    };
    tick();
    return [
      this.#kept("state", make("p", { class: "big", part: "state" }), () => this.#held()),
      this.#here(until) && make("p", { class: "note" }, this.#here(until)),
      make("dl", {}, make("div", {}, name, clock)),
      position && make("p", {}, this.#text("rest", { num: wanted - held })),
      make("p", {}, buy.button),
      ...fewer,
      ...this.#spare(held),
      this.#sure("decline", { num: held }, "keep_held"),
    ];
  }

  /** A button, or a link where the shop says by `buy-href` where it sells them. */
  #buy(name, tickets) {
    const link = this.hasAttribute("buy-href");
    const button = make(link ? "a" : "button", { class: name === "buy" ? "main buy" : "", part: `button ${name}`, onclick: event => {
      const over = button.getAttribute("aria-disabled") === "true";
      if (over || !this.#emit("buy", { entry: this.#entry, tickets: tickets() }, true)) event.preventDefault();
    } });
    const renew = () => {
      button.textContent = this.#text(name, { num: tickets() });
      const address = link && this.#address(tickets());
      if (address) button.href = address;
      else button.removeAttribute("href");
    };
    renew();
    return { button, renew };
  }

  #address(tickets) {
    const filled = this.getAttribute("buy-href")
      .replaceAll("{pass}", encodeURIComponent(this.#entry.purchase_pass))
      .replaceAll("{tickets}", tickets);
    try {
      const url = new URL(filled, document.baseURI);
      return /^https?:$/.test(url.protocol) ? url.href : null;
    } catch {
      return null; // no address
    }
  }

  /** The form of a wish: how many tickets, and how few would do. */
  #wish(name, { tickets_wanted: wanted = 1, tickets_minimum: least = wanted, keep_waiting_for_rest: keeps = false }, done) {
    const most = Math.max(this.#list.max_quantity_per_order, wanted);
    const tickets = this.#choice("tickets", most, wanted);
    const minimum = this.#choice("minimum", most, least);
    const note = make("p", { class: "note" }, this.#text("minimum_note"));
    const rest = make("input", { type: "checkbox", checked: keeps, name: "keep" });
    const keep = make("label", { class: "check", part: "keep" }, rest, ` ${this.#text("keep")}`);
    // As few as all of them, until the fan says otherwise.
    const follow = () => {
      const all = tickets.value;
      if (!minimum.chosen || minimum.value > all) minimum.control.value = all;
      for (const option of minimum.control.options ?? []) option.hidden = option.disabled = Number(option.value) > all;
      minimum.label.hidden = note.hidden = all < 2;
      keep.hidden = minimum.value >= all;
    };
    minimum.chosen = least < wanted;
    minimum.control.addEventListener("change", () => { minimum.chosen = true; follow(); });
    tickets.control.addEventListener("input", follow);
    follow();
    const submit = event => {
      event.preventDefault();
      const tickets_wanted = tickets.value;
      const tickets_minimum = Math.min(tickets_wanted, minimum.value);
      done({ tickets_wanted, tickets_minimum, keep_waiting_for_rest: rest.checked && tickets_minimum < tickets_wanted });
    };
    return [
      make("form", { part: "form", onsubmit: submit }, tickets.label, minimum.label, keep,
        make("button", { class: "main", part: `button ${name}` }, this.#text(name))),
      note,
    ];
  }

  /** A number from 1 to `most`: picked from a list while that is short. */
  #choice(name, most, value) {
    const control = most > MOST_CHOICES
      ? make("input", { type: "number", min: 1, max: most, required: true, inputmode: "numeric", part: "field" })
      : make("select", { part: "field" }, ...Array.from({ length: most }, (_, at) => make("option", { value: at + 1 }, this.#number(at + 1))));
    control.value = value;
    control.name = name;
    return { control, label: make("label", { part: "label" }, this.#text(name), control), get value() { return Number(control.value); } };
  }

  /** How many of the held tickets go back, and the button for it; nothing where one is held. */
  #spare(held) {
    if (held < 2) return [];
    const spare = this.#choice("spare", held - 1, 1);
    const once = key();
    const row = make("div");
    const follow = () => {
      const quantity = spare.value;
      row.replaceChildren(this.#sure("give_back", { num: quantity, left: held - quantity }, "keep_held", () =>
        this.#act("POST", { path: "/entry/give-back", body: { quantity }, headers: { "Idempotency-Key": `${once}-${quantity}` } })));
    };
    spare.control.addEventListener("change", follow);
    follow();
    return [make("div", { class: "row end" }, spare.label, row)];
  }

  /** A quiet button that asks, with what it costs, before it gives the place or tickets up. */
  #sure(name, values, no, act = () => this.#act("DELETE")) {
    const row = make("div", { class: "row" });
    const ask = make("button", { type: "button", class: "quiet", part: `button ${name}`, onclick: () => turn(true) }, this.#text(name, values));
    const question = make("p", { tabindex: "-1" });
    const sure = make("div", { class: "row", role: "group" },
      make("button", { type: "button", class: "grave", part: "button yes", onclick: act }, this.#text(name, values)),
      make("button", { type: "button", part: "button no", onclick: () => turn(false) }, this.#text(no)));
    const turn = asking => {
      // As it is now: the place may have moved since.
      const now = { ...values, position: this.#entry?.position };
      question.textContent = [`${name}_ask`, `${name}_sure`].map(one => this.#text(one, now)).concat(values.left ? this.#text("give_back_left", { num: values.left }) : []).join(" ");
      sure.setAttribute("aria-label", this.#text(`${name}_ask`, now));
      row.replaceChildren(...(asking ? [question, sure] : [ask]));
      (asking ? question : ask).focus();
    };
    row.append(ask);
    return row;
  }

  #rules() {
    const list = this.#list;
    const minutes = count => this.#duration(count * 60);
    const clock = time => new Intl.DateTimeFormat(this.#region, { timeStyle: "short", timeZone: "UTC" }).format(new Date(`1970-01-01T${time}Z`));
    const skips = list.policy === "skip" && list.skip_limit;
    const rules = [
      skips ? `${this.#text("skip")} ${this.#text("skip_limit", { num: skips })}` : this.#text("strict"),
      list.policy === "strict" && list.idle_minutes && this.#text("idle", { duration: minutes(list.idle_minutes) }),
      !list.automatic && this.#text("organizer_offers"),
      list.hold_minutes === null ? this.#text("hold_to_the_end") : this.#text("hold", { duration: minutes(list.hold_minutes) }),
      ...[...list.hold_steps].sort((a, b) => b.days_before - a.days_before).map(step =>
        this.#text(step.days_before ? "step" : "step_day", { num: step.days_before, duration: minutes(step.hold_minutes) })),
      list.quiet_from && this.#text("quiet", { from: clock(list.quiet_from), until: clock(list.quiet_until) }),
      this.#text(`after_${list.after_expiry}`),
      list.after_expiry === "requeue" && list.requeue_limit && this.#text("requeue_limit", { num: list.requeue_limit }),
      list.verify_email && this.#text("verify"),
      list.one_place_per_address && this.#text(list.ignore_address_tags ? "one_place" : "one_address"),
      ["always", "adaptive"].includes(list.join_challenge) && this.#text(`work_${list.join_challenge}`),
      list.max_places_per_person && this.#text("places", { num: list.max_places_per_person }),
      this.#text("maximum", { num: list.max_quantity_per_order }),
      `${this.#text("ends", { instant: this.#instant(list.ends_at) })} ${this.#here(list.ends_at)}`.trim(),
    ];
    return make("details", { part: "rules" }, make("summary", {}, this.#text("rules")),
      make("ul", {}, ...rules.filter(Boolean).map(rule => make("li", {}, rule))));
  }
}

if (!customElements.get("waiting-list")) customElements.define("waiting-list", WaitingListElement);
