// The element <waiting-list> (docs/widget.md). It calls the service that this file came from, never with a cookie.
// All that comes from there becomes text, never markup.

const SERVICE = new URL("..", import.meta.url).href.slice(0, -1);
/** The service writes all languages here, with their versions. */
const LANGUAGES = { en: "" };
const FALLBACK = { name: "Waiting list", away: "We cannot reach the waiting list right now." };
const CHALLENGES_AT_MOST = 3;
const STREAMS_AT_MOST = 4;
/** Browsers keep six connections to a host over HTTP/1.1. */
let streams = 0;
const HIDDEN_MILLISECONDS = 5 * 60_000;
const MOST_CHOICES = 30;
const UNITS = { day: 86400, hour: 3600, minute: 60, second: 1 };

/** Light, dark. A page sets `--waiting-list-…`. */
const COLOURS = {
  ink: ["#22201c", "#eceaf0"], paper: ["#fff", "#232228"], quiet: ["#57534a", "#b6b2bf"], line: ["#d9d4c8", "#3d3b45"],
  accent: ["var(--theirs, #1b4f9c)", "var(--theirs-dark, #9cc2ff)"], "on-accent": ["var(--on-theirs, #fff)", "var(--on-theirs-dark, #10131a)"],
  good: ["#1d6b36", "#8fd6a4"], warning: ["#9c3b12", "#ffb38a"],
};
const colours = pick => Object.entries(COLOURS).map(([name, both]) => `--${name}: var(--waiting-list-${name}, ${pick(...both)});`).join("");
const STYLE = new CSSStyleSheet();
STYLE.replaceSync(`
:host { display: block; --radius: var(--waiting-list-radius, 8px); ${colours(light => light)}
  color: var(--ink); font: var(--waiting-list-font, inherit); line-height: 1.5; overflow-wrap: anywhere; }
@supports (color: light-dark(red, red)) { :host { ${colours((light, dark) => `light-dark(${light}, ${dark})`)} } }
:host([hidden]), [hidden] { display: none !important; }
*, ::before, ::after { box-sizing: border-box; }
section { padding: 16px; border: 1px solid var(--line); border-radius: calc(1.5 * var(--radius)); background: var(--paper); }
.loading { min-height: 24em; }
section.ready { border-color: var(--good); border-width: 2px; }
p, dl, ul, form, details, .heading, .row { margin: 0 0 12px; }
section > :last-child, .content > :last-child, .row > p { margin-bottom: 0; }
.heading, .big { font-size: 1.15em; font-weight: 600; line-height: 1.35; }
dl { display: flex; flex-wrap: wrap; gap: 8px 28px; }
dt, .note { color: var(--quiet); font-size: .9em; }
dd { margin: 0; font-size: 1.8em; font-weight: 700; line-height: 1.2; font-variant-numeric: tabular-nums; }
form, .row { display: flex; flex-wrap: wrap; gap: 12px; align-items: end; }
form { max-width: 32em; }
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
.buy { width: 100%; max-width: 24em; padding: 14px 18px; font-size: 1.2em; }
.quiet { padding: 10px 0; border-color: transparent; background: none; color: var(--quiet); font-weight: 400; text-decoration: underline; }
.grave { border-color: var(--warning); color: var(--warning); }
[aria-disabled="true"], [aria-busy] .main { opacity: .6; cursor: default; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
[tabindex="-1"]:focus { outline: none; }
del { color: var(--quiet); }
[part=working] button { display: block; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
summary { padding: 4px 0; font-weight: 600; cursor: pointer; }
ul { padding: 0 0 0 1.2em; }
li { margin: 0 0 6px; }
.problem { padding: 10px 14px; border: 1px solid var(--warning); border-left-width: 5px; border-radius: var(--radius); }
.working:empty { margin: 0; }
.told { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
`);

const key = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter(child => child));
  return element;
}

function spoken(tag) {
  try {
    const [name] = Intl.getCanonicalLocales(tag.toLowerCase()).map(one => one.toLowerCase());
    return [name, name.split("-")[0]].find(one => Object.hasOwn(LANGUAGES, one));
  } catch {
    return undefined;
  }
}

const texts = {};
async function textsIn(language) {
  texts[language] ??= fetch(new URL(`widget-${language}.json?v=${LANGUAGES[language]}`, import.meta.url), { credentials: "omit", signal: AbortSignal.timeout(10_000) })
    .then(answer => (answer.ok ? answer.json() : Promise.reject(answer)));
  try {
    return [language, await texts[language]];
  } catch (error) {
    delete texts[language];
    if (language === "en") throw error;
    return textsIn("en");
  }
}

class WaitingListElement extends HTMLElement {
  static observedAttributes = ["offer", "representation", "token", "lang", "locale", "heading", "heading-level", "buy-href"];

  #token; #getToken; #asked; #renewing;
  #life; #wake; #hidden; #restarting; #later; #failing; #explained; #mine; #email = "";
  #list; #entry; #skew = 0; #last; #once; #acts = 0;
  #kind; #fields = []; #timer; #telling;
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
    this.#hear("addEventListener");
    this.#show();
    this.#restart();
  }

  disconnectedCallback() {
    this.#hear("removeEventListener");
    for (const timer of [this.#hidden, this.#timer, this.#telling, this.#later]) clearTimeout(timer);
    this.#life?.abort();
  }

  #hear(verb) {
    document[verb]("visibilitychange", this.#onVisibility);
    for (const type of ["online", "offline", "storage"]) window[verb](type, this.#onOutside);
  }

  attributeChangedCallback(name, before, after) {
    if (before === after || !this.isConnected) return;
    if (name === "token") this.#signIn(undefined);
    else if (name === "offer" || name === "representation") this.#forget();
    else this.#speak().catch(() => {}).then(() => this.#show(true));
  }

  get token() { return this.#token === undefined ? this.getAttribute("token") ?? (this.#byEmail && this.#place?.token || null) : this.#token; }
  set token(value) {
    if (value !== this.token) this.#signIn(value || null);
  }

  get getToken() { return this.#getToken; }
  set getToken(value) {
    this.#getToken = value;
    if (this.isConnected && !this.token) this.#restart();
  }

  get entry() { return this.#entry ?? null; }

  refresh() { this.#restart(); }

  /** No shop signs fans in. */
  get #byEmail() { return this.#token === undefined && !this.#getToken && !this.hasAttribute("token"); }

  get #name() { return ["offer", "representation"].map(name => encodeURIComponent(this.getAttribute(name) ?? "")).join("/"); }

  get #key() { return `waiting-list ${SERVICE} ${this.#name}`; }

  /** The token and the link of a place by email, which this browser keeps until the place ends. */
  get #place() {
    try {
      this.#mine ??= JSON.parse(localStorage.getItem(this.#key));
    } catch { /* storage is off */ }
    return this.#mine;
  }
  set #place(place) {
    this.#mine = place;
    try {
      if (place) localStorage.setItem(this.#key, JSON.stringify(place));
      else localStorage.removeItem(this.#key);
    } catch { /* storage is off */ }
  }

  #signIn(token) {
    this.#token = token;
    this.#forget(this.#list);
  }

  #forget(list) {
    this.#entry = this.#last = this.#once = this.#mine = undefined;
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

  #onOutside = ({ type, key: name, newValue }) => {
    if (type === "offline") this.#fail({ text: "away" });
    else if (type === "online") this.#restart();
    else if (newValue && name === this.#key) this.#forget(this.#list);
  };

  async #ask(method, path, { body, headers, signal } = {}) {
    for (let renewed = false; ; renewed = true) {
      const token = path && this.token;
      const answer = await fetch(`${SERVICE}/v1/user/waiting-lists/${this.#name}${path}`, {
        method, signal, body: body && JSON.stringify(body), cache: "no-store", credentials: "omit",
        headers: { ...headers, ...(token && { Authorization: `Bearer ${token}` }), ...(body && { "Content-Type": "application/json" }) },
      });
      const date = Date.parse(answer.headers.get("Date"));
      if (date) this.#skew = date + 1000 - Date.now();
      if (answer.ok) return answer;
      if (answer.status === 401 && !renewed && (await this.#renew(token))) continue;
      const problem = await answer.json().catch(() => ({}));
      throw Object.assign(new Error(problem.code), { status: answer.status, problem, retryAfter: Number(answer.headers.get("Retry-After")) });
    }
  }

  async #renew(refused) {
    if (this.token !== refused) return Boolean(this.token);
    if (!this.#getToken) return false;
    this.#renewing ??= (async () => this.#getToken())().finally(() => { this.#renewing = undefined; });
    const token = await this.#renewing.catch(() => null);
    this.#token = token || null;
    return Boolean(token) && token !== refused;
  }

  async #speak() {
    const tag = this.#language;
    const [language, found] = await textsIn(spoken(tag));
    this.#texts = found;
    this.#tag = language === spoken(tag) ? tag : language;
  }

  async #load(signal) {
    const list = this.#ask("GET", "", { signal }).then(answer => answer.json());
    list.catch(() => {});
    await this.#speak().catch(() => {});
    this.#list = await list;
    await this.#speak();
    this.#dress();
    if (!this.token && !this.#asked) {
      this.#asked = true;
      await this.#renew(this.token);
    }
    signal.throwIfAborted();
    let entry = this.#byEmail && this.#entry?.status === "left" ? this.#entry : null;
    const acts = this.#acts;
    if (this.token) {
      try {
        entry = await (await this.#ask("GET", "/entry", { signal })).json();
      } catch (error) {
        if (error.status === 401 || error.status === 403) this.#signedOut(error);
        else if (error.problem?.code !== "not_in_list") throw error;
        else if (this.#byEmail) this.#place = null;
      }
    }
    signal.throwIfAborted();
    // Else the fan has done something meanwhile, and this is older.
    if (acts === this.#acts) this.#take(entry);
    if (this.#failing) this.#complain(null);
  }

  #signedOut(error) {
    if (error) this.#complain(error);
    if (this.#byEmail) this.#place = null;
    else this.#token = null;
  }

  #fail(error) {
    this.#complain(error);
    this.#failing = true;
    if (!this.#list) this.#show();
  }

  async #follow(signal) {
    if (!/.\/./.test(this.#name)) {
      await this.#speak().catch(() => {});
      this.#fail({ problem: { code: "inventory_not_found" } });
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
          look = !this.#entry || this.#entry.status === "left";
        } else {
          look = true;
          pause = (active ? 5000 : 20_000) * (1 + Math.random());
        }
      } catch (error) {
        if (signal.aborted) return;
        look = true;
        failed += 1;
        pause = Math.max(error.retryAfter * 1000 || 0, Math.min(60_000, 1000 * 2 ** failed)) * (0.5 + Math.random());
        if (error.status === 404) pause = 60_000;
        this.#fail(error.status < 500 && error.status !== 429 ? error : { text: "away", problem: error.problem });
      }
      await new Promise(go => {
        const timer = setTimeout(go, pause);
        this.#wake = (again = true) => { clearTimeout(timer); look = again; go(); };
      });
      this.#wake = undefined;
    }
  }

  /** Reads server-sent events (docs/live.md): an EventSource sends no token. */
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
      if (signal.aborted || !error.status) return;
      if (error.status !== 401 && error.status !== 403) throw error;
      this.#signedOut(error);
      this.#take(null);
    } finally {
      streams -= 1;
      signal.removeEventListener("abort", stop);
      ended.abort();
    }
  }

  #take(entry, acted = false) {
    const before = this.#entry;
    this.#entry = entry;
    // Streams and acts do not say why a fan waits: what was known holds until the next look.
    if (entry?.why) this.#explained = entry;
    else if (entry?.status === "waiting") {
      this.#later ??= setTimeout(() => {
        this.#later = undefined;
        if (!document.hidden && !this.#life.signal.aborted) this.#load(this.#life.signal).catch(() => {});
      }, (this.#why ? 60_000 : 1000) * (1 + Math.random()));
    }
    if (entry?.status === "left" && this.#byEmail) this.#place = null;
    this.#show();
    const plain = one => JSON.stringify({ ...one, why: 0, estimate: 0 });
    if (before !== undefined && plain(before) === plain(entry)) return;
    this.#emit("changed", entry);
    if (!entry || (before === undefined && !acted)) return;
    const isNew = before?.number !== entry.number;
    const moved = isNew || before.status !== entry.status || before.paused_at !== entry.paused_at;
    if (isNew && entry.status !== "left") this.#emit("joined", entry);
    if (moved && entry.status !== "waiting") this.#emit(entry.status, entry);
    // A place that moves is said when it has come to rest.
    this.#tell(this.#sentence(), moved ? 0 : 3000);
  }

  /** With `raw`, the answer is no entry to show but what is returned. */
  async #act(method, { path, body, headers } = {}, raw = false) {
    if (this.#section.hasAttribute("aria-busy")) return null;
    this.#section.setAttribute("aria-busy", "true");
    this.#acts += 1;
    this.#complain(null);
    this.#note("");
    const { signal } = this.#life;
    try {
      const answer = await this.#insist(method, { path, body, headers, signal });
      this.#once = undefined;
      let entry = await answer.json();
      if (signal.aborted) return null;
      if (raw) return entry;
      if ("mailed" in entry) {
        if (entry.mailed) this.#note(this.#text(entry.entry ? "mailed" : "letter", body));
        if (!entry.entry) return null;
        this.#place = { token: entry.token, link: entry.link };
        entry = entry.entry;
      }
      const { undo } = entry;
      delete entry.undo;
      this.#take(entry, true);
      if (undo) this.#undoable(undo);
      this.#wake?.(entry.status === "left");
    } catch (error) {
      if (signal.aborted) return null;
      if (error.status < 500 && error.status !== 429) this.#once = undefined;
      const { code } = error.problem ?? {};
      if (error.status === 401) {
        this.#signedOut();
        this.#take(null);
      }
      if (error.problem?.entry) this.#take(error.problem.entry);
      this.#wake?.();
      const isDone = code === "already_in_list" || code === "waiting_list_open" || (method === "DELETE" && code === "already_left");
      if (!isDone) this.#complain(error);
    } finally {
      this.#acts += 1;
      this.#section.removeAttribute("aria-busy");
    }
    return null;
  }

  /** Changes the tickets wanted; asks first if that costs places. */
  async #change(row, body) {
    const { tickets_wanted: num, position: now } = this.#entry;
    row.replaceChildren();
    if (body.tickets_wanted > num) {
      const would = await this.#act("PATCH", { path: "/entry?preview=true", body }, true);
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

  async #insist(method, { path = "/entry", body, headers, signal }) {
    const ask = () => this.#ask(method, path, { body, headers, signal });
    for (let challenges = 0; ; challenges++) {
      try {
        // After a failed network once more: the key makes it safe.
        return await ask().catch(error => (error.status || signal.aborted ? Promise.reject(error) : ask()));
      } catch (error) {
        if (error.problem?.code !== "challenge_required" || challenges === CHALLENGES_AT_MOST) throw error;
        const { challenge } = error.problem;
        body = { ...body, challenge: { token: challenge.token, solution: await this.#solve(challenge) } };
        signal.throwIfAborted();
      }
    }
  }

  async #solve(challenge) {
    this.#note(this.#text("working"));
    try {
      return await (await import("./challenge.js")).solve(challenge);
    } finally {
      this.#note("");
    }
  }

  /** Offers to take a change back, for the minute in which that works. */
  #undoable(undo) {
    this.#note(this.#text("changed"));
    const button = make("button", { type: "button", class: "quiet", part: "button undo", onclick: () => this.#post("/entry/undo", { undo }) }, this.#text("undo"));
    this.#working.append(" ", button);
    setTimeout(() => { if (button.isConnected) this.#note(""); }, 60_000);
  }

  #note(text) {
    this.#working.textContent = text;
    if (text) this.#tell(text, 0);
  }

  #join(wish) {
    const path = this.#byEmail ? "/join-by-email" : "/entry";
    if (this.#byEmail) wish = { ...wish, email: this.#email, locale: spoken(this.#tag) };
    else if (!this.token) {
      if (this.#emit("sign-in", wish, true)) this.#complain({ text: "sign_in" });
      return;
    }
    this.#post(path, wish);
  }

  /** A second press after a failed network repeats the first one. */
  #post(path, body, raw) {
    const said = JSON.stringify([path, body]);
    if (this.#once?.said !== said) this.#once = { said, key: key() };
    return this.#act("POST", { path, body, headers: { "Idempotency-Key": this.#once.key } }, raw);
  }

  #emit(name, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(`waiting-list:${name}`, { detail, cancelable, bubbles: true, composed: true }));
  }

  get #language() {
    const own = [this.getAttribute("locale"), this.getAttribute("lang")].find(spoken);
    if (own) return own;
    const asked = [];
    for (let node = this; node; node = node.getRootNode().host) asked.push(node.closest("[lang]")?.lang);
    const theirs = this.#list?.organizer?.languages?.filter(spoken) ?? [];
    const isOffered = tag => spoken(tag) && (!theirs.length || theirs.some(one => spoken(one) === spoken(tag)));
    return [...asked, ...navigator.languages].find(isOffered) ?? theirs[0] ?? "en";
  }

  get #region() { return this.#tag.toLowerCase() === "en" ? "en-GB" : this.#tag; }

  #text(name, values = {}) {
    let text = this.#texts[name] ?? FALLBACK[name] ?? "";
    if (text.other) text = text[new Intl.PluralRules(this.#tag).select(values.num)] ?? text.other;
    return text.replace(/{(\w+)}/g, (_, key) => (typeof values[key] === "number" ? this.#number(values[key]) : values[key]));
  }

  #number(value, options) { return new Intl.NumberFormat(this.#tag, options).format(value); }

  #instant(at) {
    try {
      return this.#clock(at, this.#list.timezone);
    } catch {
      return this.#clock(at);
    }
  }

  #here(at) {
    const instant = this.#clock(at);
    return instant === this.#instant(at) ? "" : this.#text("here", { instant });
  }

  #clock(at, timeZone) {
    return new Intl.DateTimeFormat(this.#region, { dateStyle: "full", timeStyle: "short", timeZone }).format(new Date(at));
  }

  #units(value, unit, unitDisplay = "long") { return this.#number(value, { style: "unit", unit, unitDisplay }); }

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

  #about(first, last = first) {
    const unitOf = seconds => ["day", "hour"].find(unit => seconds >= 2 * UNITS[unit]) ?? "minute";
    const unit = unitOf(last);
    const own = first >= UNITS[unit] / 2 ? unit : unitOf(first);
    const [from, to] = [Math.max(1, Math.round(first / UNITS[own])), Math.max(1, Math.round(last / UNITS[unit]))];
    const latest = this.#units(to, unit);
    if (own === unit && from === to) return latest;
    return this.#text("range", { earliest: own === unit ? this.#number(from) : this.#units(from, own), latest });
  }

  #sentence() {
    const { status, position, left_reason: reason, paused_at: paused } = this.#entry;
    if (status === "waiting") return this.#text(paused ? "paused" : !position ? "not_drawn" : position === 1 ? "next" : "place", { position, at: this.#draw });
    if (status === "left") return reason !== "ended" ? this.#text(reason) : this.#list?.list_state === "cancelled" ? this.#cancelled() : this.#text("left_ended");
    return `${this.#held()} ${this.#here(this.#until)}`.trim();
  }

  get #draw() { return this.#list?.draw_at ? this.#instant(this.#list.draw_at) : ""; }

  get #until() { return this.#entry.ready_until ?? this.#list.ends_at; }

  #held() { return this.#text("held", { num: this.#entry.tickets_held, until: this.#instant(this.#until) }); }

  #cancelled() { return `${this.#text("cancelled_show")} ${this.#list.state_reason ?? ""}`.trim(); }

  get #why() {
    const [then, now] = [this.#explained, this.#entry].map(one => one && [one.number, one.paused_at, !one.position].join());
    return then === now && this.#explained;
  }

  #reason() {
    const { position, tickets_ahead: ahead, tickets_minimum: least } = this.#entry;
    if (!this.#why) return this.#sentence();
    const { code, free, most_held: most } = this.#why.why;
    const fans = position - 1;
    const name = code === "nothing_free" && !fans ? "nothing_free_next" : code;
    const num = code === "too_many" ? most : code === "nothing_free" || code === "ahead" ? fans : free;
    return this.#text(name, { num, fans, free, least, at: this.#draw, tickets: this.#text("n_tickets", { num: ahead }) });
  }

  #pace() {
    if (!this.#why?.estimate || this.#entry.paused_at) return "";
    const { fans, seen_seconds: seen, ...estimate } = this.#why.estimate;
    const tickets = entry => entry.tickets_ahead + entry.tickets_wanted;
    const [first, last] = ["earliest_seconds", "latest_seconds"].map(name => estimate[name] && (estimate[name] * tickets(this.#entry)) / tickets(this.#why));
    const left = (Date.parse(this.#list.ends_at) - Date.now() - this.#skew) / 1000;
    const name = first === null ? "pace_unknown" : first >= left ? "pace_never" : last >= left ? "pace_maybe" : "pace";
    const said = this.#text(name, first && { earliest: this.#about(first), wait: this.#about(first, last) });
    return fans ? `${this.#text("seen", { num: fans, count: fans, duration: this.#about(seen) })}. ${said}` : said;
  }

  #tell(text, delay) {
    clearTimeout(this.#telling);
    this.#telling = setTimeout(() => {
      if (this.#told.textContent !== text) this.#told.textContent = text;
    }, delay);
  }

  #complain(error) {
    this.#failing = false;
    const { code, errors, maximum } = error?.problem ?? {};
    const names = [this.#byEmail && `${code}_by_email`, errors?.[0]?.field, code].map(one => `no_${one}`);
    const name = error?.text ?? names.find(one => this.#texts[one]) ?? "no_reason";
    const text = error ? this.#text(name, { num: maximum ?? this.#list?.max_quantity_per_order }) : "";
    if (this.#problem.textContent !== text) this.#problem.textContent = text;
    this.#problem.hidden = !text;
    if (text && name !== "sign_in") this.#emit("error", error.problem ?? { code: "unreachable" });
  }

  /** Builds a view when another one is due; else changes its texts alone, so that focus and choices stay. */
  #show(anew = false) {
    const heading = this.getAttribute("heading");
    this.#heading.textContent = heading ?? "";
    this.#heading.hidden = !heading;
    this.#heading.setAttribute("aria-level", this.getAttribute("heading-level") ?? "2");
    this.#section.setAttribute("aria-label", heading ? `${this.#text("name")}: ${heading}` : this.#text("name"));
    this.#section.lang = this.#tag;

    const [list, entry] = [this.#list, this.#entry];
    const status = !list || this.#texts === FALLBACK ? (this.#problem.hidden ? "loading" : "away") : (entry?.status ?? "none");
    const { position, tickets_ahead, rank, why, estimate, purchase_pass, ...kept } = entry ?? {};
    const kind = JSON.stringify([status, !position, this.#tag, this.#byEmail, kept, status !== "waiting" && [list?.open, list?.list_state], list?.max_quantity_per_order, list?.start_datetime]);
    if (anew || kind !== this.#kind) {
      this.#kind = kind;
      this.#fields = [];
      clearTimeout(this.#timer);
      const had = this.#content.contains(this.shadowRoot.activeElement) && this.shadowRoot.activeElement;
      this.#section.className = status;
      this.#section.setAttribute("part", `box ${status}`);
      const view = { waiting: this.#waiting, ready: this.#ready, left: this.#left, none: this.#none }[status];
      this.#content.replaceChildren(...(view ? [this.#moved(), ...view.call(this)] : []).filter(Boolean));
      if (had) (this.#content.querySelector(had.name ? `[name="${had.name}"]` : `[part="${had.part}"]`) ?? this.#content).focus();
    }
    for (const [element, text] of this.#fields) {
      const said = text();
      if (element.textContent !== said) element.textContent = said;
    }
  }

  #kept(element, text) {
    this.#fields.push([element, text]);
    return element;
  }

  #dress() {
    const { light, on_light: onLight, dark, on_dark: onDark } = this.#list.organizer?.colors ?? {};
    this.#colours.replaceSync(light ? `:host { --theirs: ${light}; --on-theirs: ${onLight}; --theirs-dark: ${dark}; --on-theirs-dark: ${onDark}; }` : "");
  }

  #state() {
    const { open, automatic, free, waiting, verify_email: verifies, list_state: state } = this.#list;
    if (open && this.#list.order === "draw" && !this.#list.drawn_at) return this.#text("draw", { at: this.#draw });
    if (open) return this.#text(automatic && free && !waiting && !verifies ? "free" : "open", { num: free });
    return state === "cancelled" ? this.#cancelled() : this.#text(this.#closed);
  }

  get #closed() {
    const { closed_reason: closed, state_reason: reason } = this.#list;
    return ["draft", "show_began"].includes(reason) ? reason : closed;
  }

  /** The date of a show that was moved, and the one that was announced first. */
  #moved() {
    const { start_datetime: start, moved_from: earlier } = this.#list;
    return earlier && make("p", { part: "date" }, this.#instant(start), " ",
      make("del", {}, make("span", { class: "unseen" }, this.#text("moved"), " "), this.#instant(earlier)));
  }

  #none() {
    return [
      this.#kept(make("p", { class: "big", part: "state" }), () => this.#state()),
      this.#list.closed_reason !== "not_opened"
        && this.#kept(make("p", { part: "count" }), () => this.#text("waiting", { num: this.#list.waiting })),
      ...this.#again(),
    ];
  }

  #left() {
    return [this.#kept(make("p", { class: "big", part: "state" }), () => this.#sentence()), ...this.#again()];
  }

  #again() {
    const may = !["removed", "ended"].includes(this.#entry?.left_reason);
    return [...(may ? (this.#list.open ? this.#wish("join", {}, wish => this.#join(wish)) : [this.#alert()]) : []), this.#rules()];
  }

  /** Asks for one email when the list takes fans. */
  #alert() {
    const name = `tell_${this.#closed}`;
    if (!this.#text(name)) return null;
    const place = make("div", { tabindex: "-1" });
    const offer = () => place.replaceChildren(make("form", { part: "form", onsubmit: async event => {
      event.preventDefault();
      const asked = await this.#post("/alerts", { email: this.#email, locale: spoken(this.#tag) }, true);
      if (!asked) return;
      place.replaceChildren(make("p", {}, this.#text("told")), make("button", { type: "button", class: "quiet", part: "button undo", onclick: async () => {
        if (await this.#act("DELETE", { path: `/alerts/${asked.alert_id}` }, true)) offer();
      } }, this.#text("undo")));
      place.focus();
    } }, this.#address(), make("button", { class: "main", part: "button tell" }, this.#text(name))), make("p", { class: "note" }, this.#text("tell_note")));
    offer();
    return place;
  }

  #address() {
    const email = make("input", { type: "email", name: "email", required: true, autocomplete: "email", maxlength: 254, part: "field", value: this.#email, oninput: () => { this.#email = email.value; } });
    return make("label", { class: "wide", part: "label" }, this.#text("email"), email);
  }

  #waiting() {
    const figure = name =>
      make("div", {}, make("dt", {}, this.#text(name)), this.#kept(make("dd", { part: name }), () => this.#number(this.#entry[name] ?? 0)));
    const { tickets_wanted: wanted, tickets_minimum: minimum, paused_at: paused, position } = this.#entry;
    const act = paused ? "resume" : "pause";
    const pause = make("button", { type: "button", class: paused && "main", part: `button ${act}`, onclick: () => this.#post(`/entry/${act}`) }, this.#text(act));
    const worse = make("div", { class: "row" });
    return [
      make("dl", { part: "figures" }, ...(position ? [figure("position"), figure("tickets_ahead")] : []), figure("number")),
      this.#kept(make("p", { class: "big", part: "state" }), () => this.#reason()),
      paused && make("p", {}, pause),
      make("p", {}, minimum < wanted ? this.#text("wish_minimum", { wanted, minimum }) : this.#text("wish", { num: wanted })),
      this.#kept(make("p", { class: "note", part: "pace" }), () => this.#pace()),
      make("details", { part: "change" }, make("summary", {}, this.#text("change")),
        position && make("p", { class: "note" }, this.#text("change_note")),
        ...this.#wish("save", this.#entry, body => this.#change(worse, body)), worse),
      this.#rules(),
      ...(paused ? [] : [position && make("p", { class: "note" }, this.#text("pause_note")), make("p", {}, pause)]),
      this.#sure("leave", { position }, "leave_no"),
    ];
  }

  #ready() {
    const { tickets_held: held, tickets_wanted: wanted, position } = this.#entry;
    const name = make("dt");
    const clock = make("dd", { part: "countdown" });
    const buys = [this.#buy("buy", () => held)];
    let fewer = [];
    if (held > 1) {
      const choice = this.#choice("fewer", held - 1, held - 1);
      const some = this.#buy("buy_n", () => choice.value);
      choice.control.addEventListener("change", some.renew);
      buys.push(some);
      fewer = [make("div", { class: "row" }, choice.label, some.button), make("p", { class: "note" }, `${this.#text("fewer_note")} ${this.#rest}`)];
    }
    const until = this.#until;
    const tick = () => {
      const left = Date.parse(until) - Date.now() - this.#skew;
      name.textContent = this.#text(left > 0 ? "left" : "over");
      clock.textContent = left > 0 ? this.#duration(left / 1000, "short") : "";
      for (const { button } of buys) button.setAttribute("aria-disabled", String(left <= 0));
      if (left > 0) this.#timer = setTimeout(tick, left % 1000 || 1000);
    };
    tick();
    return [
      this.#kept(make("p", { class: "big", part: "state" }), () => this.#held()),
      this.#here(until) && make("p", { class: "note" }, this.#here(until)),
      make("dl", {}, make("div", {}, name, clock)),
      position && make("p", {}, this.#text("rest", { num: wanted - held })),
      make("p", {}, buys[0].button),
      ...fewer,
      ...this.#spare(held),
      this.#sure("decline", { num: held }, "keep_held"),
    ];
  }

  /** What a smaller hold costs a fan who keeps waiting for the rest. */
  get #rest() { return this.#entry.position && this.#entry.status === "ready" ? this.#text("rest_lost") : ""; }

  #buy(name, tickets) {
    const link = this.getAttribute("buy-href") ?? this.#place?.link;
    const button = make(link ? "a" : "button", { class: name === "buy" ? "main buy" : "", part: `button ${name}`, onclick: event => {
      const over = button.getAttribute("aria-disabled") === "true";
      if (over || !this.#emit("buy", { entry: this.#entry, tickets: tickets() }, true)) event.preventDefault();
    } });
    const renew = () => {
      button.textContent = this.#text(name, { num: tickets() });
      button.removeAttribute("href");
      try {
        const url = new URL(link.replaceAll("{pass}", encodeURIComponent(this.#entry.purchase_pass)).replaceAll("{tickets}", tickets()), document.baseURI);
        if (/^https?:$/.test(url.protocol)) button.href = url.href;
      } catch { /* no address */ }
    };
    renew();
    return { button, renew };
  }

  #wish(name, { tickets_wanted: wanted = 1, tickets_minimum: least = wanted, keep_waiting_for_rest: keeps = false }, done) {
    const most = Math.max(this.#list.max_quantity_per_order, wanted);
    const tickets = this.#choice("tickets", most, wanted);
    const minimum = this.#choice("minimum", most, least);
    const note = make("p", { class: "note" }, this.#text("minimum_note"));
    const rest = make("input", { type: "checkbox", checked: keeps, name: "keep" });
    const keep = make("label", { class: "check", part: "keep" }, rest, ` ${this.#text("keep")}`);
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
    const email = name === "join" && this.#byEmail && this.#address();
    const submit = event => {
      event.preventDefault();
      const tickets_wanted = tickets.value;
      const tickets_minimum = Math.min(tickets_wanted, minimum.value);
      done({ tickets_wanted, tickets_minimum, keep_waiting_for_rest: rest.checked && tickets_minimum < tickets_wanted });
    };
    return [
      make("form", { part: "form", onsubmit: submit }, email, tickets.label, minimum.label, keep,
        make("button", { class: "main", part: `button ${name}` }, this.#text(name))),
      note,
      email && make("p", { class: "note" }, this.#text("email_note")),
    ];
  }

  #choice(name, most, value) {
    const control = most > MOST_CHOICES
      ? make("input", { type: "number", min: 1, max: most, required: true, inputmode: "numeric", part: "field" })
      : make("select", { part: "field" }, ...Array.from({ length: most }, (_, at) => make("option", { value: at + 1 }, this.#number(at + 1))));
    control.value = value;
    control.name = name;
    return { control, label: make("label", { part: "label" }, this.#text(name), control), get value() { return Number(control.value); } };
  }

  #spare(held) {
    if (held < 2) return [];
    const spare = this.#choice("spare", held - 1, 1);
    const row = make("div");
    const follow = () => {
      const quantity = spare.value;
      row.replaceChildren(this.#sure("give_back", { num: quantity, left: held - quantity }, "keep_held", () => this.#post("/entry/give-back", { quantity })));
    };
    spare.control.addEventListener("change", follow);
    follow();
    return [make("div", { class: "row end" }, spare.label, row)];
  }

  #sure(name, values, no, act = () => this.#act("DELETE")) {
    const row = make("div", { class: "row" });
    const ask = make("button", { type: "button", class: "quiet", part: `button ${name}`, onclick: () => turn(true) }, this.#text(name, values));
    const question = make("p", { tabindex: "-1" });
    const sure = make("div", { class: "row", role: "group" },
      make("button", { type: "button", class: "grave", part: "button yes", onclick: act }, this.#text(name, values)),
      make("button", { type: "button", part: "button no", onclick: () => turn(false) }, this.#text(no)));
    const turn = asking => {
      const now = { ...values, position: this.#entry?.position };
      question.textContent = [`${name}_ask`, name === "leave" && !now.position ? "leave_draw" : `${name}_sure`].map(one => this.#text(one, now)).concat(values.left ? this.#text("give_back_left", { num: values.left }) : [], this.#rest).join(" ").trim();
      sure.setAttribute("aria-label", this.#text(`${name}_ask`, now));
      row.replaceChildren(...(asking ? [question, sure] : [ask]));
      (asking ? question : ask).focus();
    };
    row.append(ask);
    return row;
  }

  #rules() {
    const rules = make("ul");
    const opened = async () => {
      const { rulesOf } = await import("./widget-rules.js");
      const ends = this.#list.ends_at;
      rules.replaceChildren(...rulesOf(this.#list, this.#region, (...given) => this.#text(...given), minutes => this.#duration(minutes * 60), this.#instant(ends))
        .concat(this.#here(ends) || []).map(rule => make("li", {}, rule)));
    };
    return make("details", { part: "rules", ontoggle: () => opened().catch(() => {}) }, make("summary", {}, this.#text("rules")), rules);
  }
}

if (!customElements.get("waiting-list")) customElements.define("waiting-list", WaitingListElement);
