// <waiting-list offer="…" representation="…">: a waiting list on a page of a shop. docs/widget.md says how to use it.
// It calls the service that this file came from, with the shop's user token and never with a cookie. Whatever comes
// from there becomes text, never markup, and no style is written into the page: a strict policy needs no exception.

/** The public address of the service, which may have a path. This file is in the folder static below it. */
const SERVICE = new URL("..", import.meta.url).href.slice(0, -1);
const SOLVER = new URL("challenge.js", import.meta.url);
/** Of one join: whose solutions are refused more often will not succeed. */
const CHALLENGES_AT_MOST = 3;

const TEXTS = {
  en: {
    name: "Waiting list",
    loading: "One moment…",
    open: "The waiting list is open.",
    free: { one: "{n} ticket is free now. Ask for it, and it is held for you at once.", other: "{n} tickets are free now. Ask for that many or fewer, and they are held for you at once." },
    not_opened: "Tickets are still on sale. The waiting list opens when they are sold out.",
    closed: "The organizer has closed the waiting list to new fans.",
    full: "The waiting list is full.",
    ended: "The waiting list has ended.",
    cancelled_show: "This show is cancelled.",
    waiting: { one: "{n} fan is waiting.", other: "{n} fans are waiting." },
    tickets: "Tickets",
    minimum: "Fewest I’d accept",
    minimum_note: "If you’d also accept fewer, you may get them sooner.",
    keep: "If I get fewer, keep my place for the rest",
    rest: { one: "You keep your place in line for {n} more ticket.", other: "You keep your place in line for {n} more tickets." },
    join: "Join the waiting list",
    sign_in: "Please sign in to join.",
    position: "Your place in line",
    ahead: "Tickets wanted ahead of you",
    number: "Your number",
    next: "You are next in line.",
    place: "You are number {n} in line.",
    wish: { one: "You asked for {n} ticket.", other: "You asked for {n} tickets." },
    wish_minimum: "You asked for {n} tickets and would accept as few as {minimum}.",
    change: "Change how many tickets",
    change_note: "If you ask for fewer tickets, you keep your place. If you ask for more, you go to the end of the line.",
    save: "Change",
    worse: "You would go from place {now} to place {then}, the end of the line.",
    ask_for: { one: "Ask for {n} ticket, at place {then}", other: "Ask for {n} tickets, at place {then}" },
    stay: "Keep place {now}",
    leave: "Leave the waiting list",
    leave_sure: "Leave the list? You will lose your place. If you join again, you go to the end of the line.",
    decline: "Release my tickets",
    decline_sure: "Release your tickets? They go straight to the next fan in line.",
    yes: "Yes",
    no: "No",
    held: {
      one: "It is your turn: {n} ticket is held for you until {until}.",
      other: "It is your turn: {n} tickets are held for you until {until}.",
    },
    left: "You have {duration} left.",
    over: "Your time to buy has run out.",
    fewer: "Number of tickets to buy",
    fewer_note: "The rest go to the next fan in line.",
    spare: "Number of tickets to release",
    give_back: { one: "Release {n} ticket", other: "Release {n} tickets" },
    give_back_sure: {
      one: "Release {n} ticket? It goes straight to the next fan in line.",
      other: "Release {n} tickets? They go straight to the next fan in line.",
    },
    buy: "Buy now",
    bought: "You have bought your tickets. Enjoy the event!",
    cancelled: "You have left the waiting list. No tickets are held for you.",
    expired: "You did not buy your tickets in time, so we have released them.",
    removed: "The organizer has removed you from this waiting list.",
    left_ended: "The waiting list has ended, so we can no longer offer you tickets from it. Thank you for waiting.",
    rules: "The rules of this waiting list",
    strict: "Returned tickets go to the first fan in line. If there are too few for that fan, the list waits for more.",
    idle: "After {duration}, they go once to the fans behind who can take them.",
    skip: {
      one: "Returned tickets go to the first fan in line, or to the next fan who can take them. Once {n} fan has gone ahead this way, the list waits until there are enough for the first.",
      other: "Returned tickets go to the first fan in line, or to the next fan who can take them. Once {n} fans have gone ahead this way, the list waits until there are enough for the first.",
    },
    by_hand: "The organizer decides when to offer returned tickets.",
    hold: "When it is your turn, we hold your tickets for {duration}.",
    hold_to_the_end: "When it is your turn, we hold your tickets until the waiting list ends.",
    step: {
      one: "From {n} day before the event, we hold them for {duration}.",
      other: "From {n} days before the event, we hold them for {duration}.",
    },
    step_day: "On the day of the event, we hold them for {duration}.",
    quiet: "Your time to buy never ends between {from} and {until}, local time of the event. A deadline in those hours moves to {until}.",
    after_leave: "If you do not buy in time, you lose your place. You can join again at the end of the line.",
    after_requeue: "If you do not buy in time, you go to the end of the line, with a new number.",
    requeue_limit: {
      one: "That can happen {n} time in a row; after that, you lose your place.",
      other: "That can happen {n} times in a row; after that, you lose your place.",
    },
    verify: "If you gave an email address, we skip you until you confirm it.",
    work_always: "When you join, your browser runs a check for a few seconds. It keeps bots from filling the list.",
    work_adaptive: "When many fans join at once, your browser runs a check for a few seconds. It keeps bots from filling the list.",
    working: "One moment: your browser runs a short check that keeps out bots.",
    one_place: "Each confirmed email address can join once. Its aliases count as the same address.",
    one_address: "Each confirmed email address can join once.",
    places: { one: "You can be on at most {n} waiting list of this event.", other: "You can be on at most {n} waiting lists of this event." },
    maximum: { one: "You can ask for at most {n} ticket.", other: "You can ask for at most {n} tickets." },
    ends: "The waiting list ends on {until}.",
    here: "Your local time: {until}.",
    sorry: "Something went wrong. Nothing was changed. Please try again in a moment.",
    sorry_away: "We cannot reach the waiting list right now. Your place is safe, and this page tries again automatically.",
    sorry_absent: "This waiting list does not exist.",
    sorry_signed_out: "You are no longer signed in. Please sign in at the shop again.",
    sorry_minimum: "The fewest tickets you’d accept must be at least 1 and at most the number you want.",
    sorry_left: "You cannot do that now: you are no longer on this waiting list.",
    sorry_taken: "This email address, or an alias of it, is already on this waiting list. Each address can join once.",
    sorry_ready: "You cannot do that now: it is your turn, and your tickets are held.",
  },
  fr: {
    name: "Liste d’attente",
    loading: "Un instant…",
    open: "La liste d’attente est ouverte.",
    free: { one: "{n} billet est libre. Demandez-le, et il vous est réservé aussitôt.", other: "{n} billets sont libres. Demandez-en autant ou moins, et ils vous sont réservés aussitôt." },
    not_opened: "Des billets sont encore en vente. La liste d’attente ouvre quand il n’y en a plus.",
    closed: "L’organisateur a fermé la liste d’attente aux nouvelles inscriptions.",
    full: "La liste d’attente est complète.",
    ended: "La liste d’attente est terminée.",
    cancelled_show: "Cette séance est annulée.",
    waiting: { one: "{n} personne attend.", other: "{n} personnes attendent." },
    tickets: "Billets",
    minimum: "Minimum accepté",
    minimum_note: "Si vous en acceptez aussi moins, vous les aurez peut-être plus tôt.",
    keep: "Si j’en obtiens moins, garder ma place pour le reste",
    rest: { one: "Vous gardez votre place dans la file pour {n} billet de plus.", other: "Vous gardez votre place dans la file pour {n} billets de plus." },
    join: "S’inscrire sur la liste d’attente",
    sign_in: "Connectez-vous pour vous inscrire.",
    position: "Votre place dans la file",
    ahead: "Billets demandés avant vous",
    number: "Votre numéro",
    next: "Vous êtes en tête de la file.",
    place: "Votre place dans la file : {n}.",
    wish: { one: "Vous avez demandé {n} billet.", other: "Vous avez demandé {n} billets." },
    wish_minimum: "Vous avez demandé {n} billets et en accepteriez moins, {minimum} au minimum.",
    change: "Changer le nombre de billets",
    change_note: "Si vous demandez moins de billets, vous gardez votre place. Si vous en demandez plus, vous passez en fin de file.",
    save: "Changer",
    worse: "Vous passeriez de la place {now} à la place {then}, en fin de file.",
    ask_for: { one: "Demander {n} billet, à la place {then}", other: "Demander {n} billets, à la place {then}" },
    stay: "Garder la place {now}",
    leave: "Quitter la liste d’attente",
    leave_sure: "Quitter la liste ? Vous perdrez votre place. Si vous vous réinscrivez, vous serez en fin de file.",
    decline: "Renoncer à mes billets",
    decline_sure: "Renoncer à vos billets ? Ils iront aussitôt à la personne suivante.",
    yes: "Oui",
    no: "Non",
    held: {
      one: "C’est votre tour : {n} billet est réservé pour vous jusqu’au {until}.",
      other: "C’est votre tour : {n} billets sont réservés pour vous jusqu’au {until}.",
    },
    left: "Il vous reste {duration}.",
    over: "Votre délai d’achat est écoulé.",
    fewer: "Nombre de billets à acheter",
    fewer_note: "Les autres iront à la personne suivante.",
    spare: "Nombre de billets à rendre",
    give_back: { one: "Rendre {n} billet", other: "Rendre {n} billets" },
    give_back_sure: {
      one: "Rendre {n} billet ? Il ira aussitôt à la personne suivante.",
      other: "Rendre {n} billets ? Ils iront aussitôt à la personne suivante.",
    },
    buy: "Acheter maintenant",
    bought: "Vous avez acheté vos billets. Profitez bien de l’événement !",
    cancelled: "Vous avez quitté la liste d’attente. Aucun billet n’est réservé pour vous.",
    expired: "Vous n’avez pas acheté vos billets à temps : ils ne sont plus réservés.",
    removed: "L’organisateur vous a retiré de cette liste d’attente.",
    left_ended: "La liste d’attente est terminée : nous ne pouvons plus vous y proposer de billets. Merci d’avoir patienté.",
    rules: "Les règles de cette liste d’attente",
    strict: "Les billets qui se libèrent vont à la première personne de la file. S’il y en a trop peu pour elle, la liste attend qu’il y en ait davantage.",
    idle: "Après {duration}, ils vont une fois aux personnes suivantes qui peuvent les prendre.",
    skip: {
      one: "Les billets qui se libèrent vont à la première personne de la file, ou à la suivante à qui ils suffisent. Une fois que {n} personne est ainsi passée devant, la liste attend qu’il y en ait assez pour la première.",
      other: "Les billets qui se libèrent vont à la première personne de la file, ou à la suivante à qui ils suffisent. Une fois que {n} personnes sont ainsi passées devant, la liste attend qu’il y en ait assez pour la première.",
    },
    by_hand: "L’organisateur décide quand il propose les billets qui se sont libérés.",
    hold: "Quand c’est votre tour, nous réservons vos billets pendant {duration}.",
    hold_to_the_end: "Quand c’est votre tour, nous réservons vos billets jusqu’à la fin de la liste d’attente.",
    step: {
      one: "À partir de {n} jour avant l’événement, nous les réservons pendant {duration}.",
      other: "À partir de {n} jours avant l’événement, nous les réservons pendant {duration}.",
    },
    step_day: "Le jour de l’événement, nous les réservons pendant {duration}.",
    quiet: "Votre délai d’achat ne se termine jamais entre {from} et {until}, heure locale de l’événement. Une date limite dans cet intervalle est reportée à {until}.",
    after_leave: "Si vous n’achetez pas à temps, vous perdez votre place. Vous pouvez vous réinscrire, à la fin de la file.",
    after_requeue: "Si vous n’achetez pas à temps, vous passez en fin de file, avec un nouveau numéro.",
    requeue_limit: {
      one: "Cela peut arriver {n} fois de suite ; ensuite, vous perdez votre place.",
      other: "Cela peut arriver {n} fois de suite ; ensuite, vous perdez votre place.",
    },
    verify: "Si vous avez donné une adresse e-mail, nous passons votre tour tant que vous ne l’avez pas confirmée.",
    work_always: "Quand vous vous inscrivez, votre navigateur fait une vérification de quelques secondes. Elle empêche des robots de remplir la liste.",
    work_adaptive: "Quand les inscriptions affluent, votre navigateur fait une vérification de quelques secondes. Elle empêche des robots de remplir la liste.",
    working: "Un instant : votre navigateur fait une courte vérification pour écarter les robots.",
    one_place: "Chaque adresse e-mail confirmée ne peut s’inscrire qu’une fois. Ses alias comptent comme la même adresse.",
    one_address: "Chaque adresse e-mail confirmée ne peut s’inscrire qu’une fois.",
    places: { one: "Vous pouvez être sur {n} liste d’attente au plus pour cet événement.", other: "Vous pouvez être sur {n} listes d’attente au plus pour cet événement." },
    maximum: { one: "Vous pouvez demander {n} billet au maximum.", other: "Vous pouvez demander {n} billets au maximum." },
    ends: "La liste d’attente se termine le {until}.",
    here: "À votre heure locale : {until}.",
    sorry: "Une erreur s’est produite. Rien n’a été modifié. Réessayez dans un instant.",
    sorry_away: "La liste d’attente est injoignable pour le moment. Votre place est conservée, et cette page réessaie automatiquement.",
    sorry_absent: "Cette liste d’attente n’existe pas.",
    sorry_signed_out: "Vous n’êtes plus connecté. Reconnectez-vous sur le site de billetterie.",
    sorry_minimum: "Le minimum que vous accepteriez doit être d’au moins 1 billet, et ne pas dépasser le nombre souhaité.",
    sorry_left: "Ce n’est plus possible : vous n’êtes plus sur cette liste d’attente.",
    sorry_taken: "Cette adresse e-mail, ou un de ses alias, est déjà sur cette liste d’attente. Chaque adresse ne peut s’inscrire qu’une fois.",
    sorry_ready: "Ce n’est plus possible : c’est votre tour, et vos billets sont réservés.",
  },
};

/** What a refusal's code says to a fan; any other one says `sorry`. */
const SORRY = {
  waiting_list_not_open: "closed", waiting_list_full: "full", waiting_list_ended: "ended", too_many_tickets: "maximum",
  address_taken: "sorry_taken", too_many_places: "places", already_left: "sorry_left", not_waiting: "sorry_ready", inventory_not_found: "sorry_absent",
  offer_not_found: "sorry_absent", unauthenticated: "sorry_signed_out", forbidden: "sorry_signed_out",
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
section.ready { border-color: var(--good); border-width: 2px; }
p, dl, ul, form, details, .heading { margin: 0 0 12px; }
section > :last-child, .content > :last-child { margin-bottom: 0; }
.heading, .big { font-size: 1.15em; font-weight: 600; line-height: 1.35; }
dl { display: flex; flex-wrap: wrap; gap: 8px 28px; }
dt, .note { color: var(--quiet); font-size: .9em; }
dd { margin: 0; font-size: 1.8em; font-weight: 700; line-height: 1.2; font-variant-numeric: tabular-nums; }
form, .row { display: flex; flex-wrap: wrap; gap: 12px; align-items: end; }
.row { margin: 0 0 12px; align-items: center; }
label { font-size: .9em; }
select, input { display: block; min-width: 5em; min-height: 44px; margin: 4px 0 0; padding: 8px 12px; border: 1px solid var(--quiet);
  border-radius: var(--radius); background: var(--paper); color: var(--ink); font: inherit; font-size: max(16px, 1em); }
button, a { display: inline-block; min-height: 44px; padding: 10px 18px; border: 1px solid var(--line); border-radius: var(--radius);
  background: var(--paper); color: var(--ink); font: inherit; font-weight: 600; text-decoration: none; cursor: pointer; }
.main { border-color: transparent; background: var(--accent); color: var(--on-accent); }
[aria-disabled="true"] { opacity: .6; cursor: default; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
[tabindex="-1"]:focus { outline: none; }
summary { padding: 4px 0; font-weight: 600; cursor: pointer; }
summary:focus-visible { border-radius: 4px; }
ul { padding: 0 0 0 1.2em; }
li { margin: 0 0 6px; }
.problem { padding: 10px 14px; border: 1px solid var(--warning); border-left-width: 5px; border-radius: var(--radius); }
.working:empty { margin: 0; }
.countdown { font-weight: 600; font-variant-numeric: tabular-nums; }
.told { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (forced-colors: active) { .main { border-color: ButtonText; } }
`);

const STREAMS_AT_MOST = 4;
/** Of this page: over HTTP/1.1 a browser keeps six connections to a host, and a join must find one free. */
let streams = 0;
const HIDDEN_MILLISECONDS = 5 * 60_000;
const MOST_CHOICES = 30;

/** An element with attributes, listeners (`onclick`) and children. Strings become text. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

class Refused extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.code);
    Object.assign(this, { status, problem, retryAfter });
  }
}

class WaitingListElement extends HTMLElement {
  static observedAttributes = ["offer", "representation", "token", "lang", "heading", "heading-level", "buy-href"];

  #token; #getToken; #asked; #renewing;
  #life; #wake; #hidden; #restarting;
  #list; #entry; #skew = 0; #last; #once; #acts = 0;
  #kind; #fields = {}; #timer; #telling;
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
    this.#show();
    this.#restart();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#onVisibility);
    clearTimeout(this.#hidden);
    clearTimeout(this.#timer);
    clearTimeout(this.#telling);
    this.#life?.abort();
  }

  attributeChangedCallback(name, before, after) {
    if (before === after || !this.isConnected) return;
    if (name === "token") this.#signIn(undefined);
    else if (name === "offer" || name === "representation") this.#forget();
    else this.#show(true);
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

  async #load(signal) {
    this.#list = await (await this.#ask("GET", "", { signal, open: true })).json();
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
  }

  #signedOut(error) {
    this.#token = null;
    this.#complain(error);
  }

  /** Follows the list for as long as it is shown: a stream while the fan waits or is ready, else a look now and then. */
  async #follow(signal) {
    if (!this.getAttribute("offer") || !this.getAttribute("representation")) {
      this.#complain({ text: this.#text("sorry_absent") });
      return;
    }
    let failed = 0;
    let look = true;
    signal.addEventListener("abort", () => this.#wake?.(), { once: true });
    while (!signal.aborted) {
      let pause = 1000 + 2000 * Math.random();
      try {
        if (look) await this.#load(signal);
        if (failed) this.#complain(null);
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
        this.#complain(error instanceof Refused && error.status < 500 && error.status !== 429 ? error : { away: true });
        if (!this.#list) this.#show();
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
  #take(entry) {
    const before = this.#entry;
    this.#entry = entry;
    this.#show();
    if (JSON.stringify(before ?? null) === JSON.stringify(entry)) return;
    this.#emit("change", { entry });
    if (before === undefined || !entry) return;
    const moved = before?.status !== entry.status || before?.number !== entry.number;
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
      if (!signal.aborted) this.#take(entry);
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
    const { tickets_wanted: n, position: now } = this.#entry;
    row.replaceChildren();
    if (body.tickets_wanted > n) {
      const would = await this.#act("PATCH", { path: "/entry?preview=true", body, preview: true });
      if (!would) return;
      if (would.position > now) {
        const values = { n: body.tickets_wanted, now, then: would.position };
        const question = make("p", { tabindex: "-1" }, this.#text("worse", values));
        row.append(question,
          make("button", { type: "button", class: "main", part: "button no", onclick: () => row.replaceChildren() }, this.#text("stay", values)),
          make("button", { type: "button", part: "button yes", onclick: () => this.#act("PATCH", { body }) }, this.#text("ask_for", values)));
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
      return await (await import(SOLVER)).solve(challenge);
    } finally {
      this.#working.textContent = "";
    }
  }

  #join(wish) {
    if (!this.token) {
      if (this.#emit("sign-in", wish, true)) this.#complain({ text: this.#text("sign_in") });
      return;
    }
    const said = JSON.stringify(wish);
    if (this.#once?.said !== said) {
      this.#once = { said, key: crypto.getRandomValues(new Uint32Array(4)).join("-") };
    }
    this.#act("POST", { body: wish, headers: { "Idempotency-Key": this.#once.key } });
  }

  #emit(name, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(`waiting-list:${name}`, { detail, cancelable, bubbles: true, composed: true }));
  }

  // ---- What it says.

  get #language() {
    const asked = [this.getAttribute("lang")];
    for (let node = this; node; node = node.getRootNode().host) asked.push(node.closest("[lang]")?.lang);
    const isSpoken = one => /^(en|fr)(-[a-z0-9]{2,8})*$/i.test(one);
    const theirs = this.#list?.organizer?.languages?.filter(isSpoken) ?? [];
    const isOffered = one => isSpoken(one) && (!theirs.length || theirs.includes(one.toLowerCase().split("-")[0]));
    // What the shop says in the attribute holds, whatever the organization offers.
    return asked.slice(0, 1).find(isSpoken) ?? [...asked, ...navigator.languages].find(isOffered) ?? theirs[0] ?? "en";
  }

  /** By whose rules dates are written: English of no country as on the service's own pages. */
  get #region() { return this.#language.toLowerCase() === "en" ? "en-GB" : this.#language; }

  #text(name, values = {}) {
    const language = this.#language;
    let text = TEXTS[language.toLowerCase().split("-")[0]][name];
    if (typeof text === "object") text = text[new Intl.PluralRules(language).select(values.n)] ?? text.other;
    return text.replace(/{(\w+)}/g, (_, key) => (typeof values[key] === "number" ? this.#number(values[key]) : values[key]));
  }

  #number(value) { return new Intl.NumberFormat(this.#language).format(value); }

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
    const until = this.#clock(at);
    return until === this.#instant(at) ? "" : this.#text("here", { until });
  }

  #clock(at, timeZone) {
    const format = { dateStyle: "full", timeStyle: "short", timeZone };
    return new Intl.DateTimeFormat(this.#region, format).format(new Date(at));
  }

  /** Rounded down; seconds only on the last day. */
  #duration(seconds) {
    const parts = [];
    let left = Math.max(0, Math.floor(seconds));
    const days = left >= 86400;
    for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]]) {
      const count = Math.floor(left / size);
      left %= size;
      if ((count && !(days && unit === "second")) || (unit === "second" && !parts.length)) {
        parts.push(new Intl.NumberFormat(this.#language, { style: "unit", unit, unitDisplay: "long" }).format(count));
      }
    }
    return parts.join(" ");
  }

  /** The entry in one sentence. */
  #sentence() {
    const entry = this.#entry;
    if (entry.status === "waiting") return entry.position === 1 ? this.#text("next") : this.#text("place", { n: entry.position });
    if (entry.status === "left") return this.#text(entry.left_reason !== "ended" ? entry.left_reason : this.#list?.list_state === "cancelled" ? "cancelled_show" : "left_ended");
    return `${this.#held()} ${this.#here(this.#until)}`.trim();
  }

  get #until() { return this.#entry.ready_until ?? this.#list.ends_at; }

  #held() { return this.#text("held", { n: this.#entry.tickets_held, until: this.#instant(this.#until) }); }

  /** Says it to who does not see it. */
  #tell(text, delay) {
    clearTimeout(this.#telling);
    this.#telling = setTimeout(() => { this.#told.textContent = text; }, delay);
  }

  /** Shows a refusal, or that there is none any more. */
  #complain(error) {
    let text = error?.text ?? "";
    if (error?.away) text = this.#text("sorry_away");
    else if (error && !text) {
      const { code, errors, maximum } = error.problem ?? {};
      const name = errors?.some(one => one.field === "tickets_minimum") ? "sorry_minimum" : (SORRY[code] ?? "sorry");
      text = this.#text(name, { n: maximum ?? this.#list?.max_quantity_per_order });
    }
    if (this.#problem.textContent !== text) this.#problem.textContent = text;
    this.#problem.hidden = !text;
  }

  // ---- What it shows. A view is built when another one is due; while it stays only its texts change, so that neither
  // focus nor what a fan has chosen is lost.

  #show(anew = false) {
    const heading = this.getAttribute("heading");
    this.#heading.textContent = heading ?? "";
    this.#heading.hidden = !heading;
    this.#heading.setAttribute("aria-level", this.getAttribute("heading-level") ?? "2");
    this.#section.setAttribute("aria-label", heading ? `${this.#text("name")}: ${heading}` : this.#text("name"));
    this.#section.lang = this.#language;

    const [list, entry] = [this.#list, this.#entry];
    const status = !list ? (this.#problem.hidden ? "loading" : "away") : (entry?.status ?? "none");
    const kind = JSON.stringify([status, entry?.number, status === "ready" && [entry.ready_at, entry.ready_until, entry.tickets_held], entry?.status !== "waiting" && [list?.open, list?.closed_reason],
      entry?.status !== "ready" && entry?.tickets_wanted, entry?.tickets_minimum,
      entry?.keep_waiting_for_rest, list?.max_quantity_per_order]);
    if (anew || kind !== this.#kind) {
      const first = this.#kind === undefined;
      this.#kind = kind;
      this.#fields = {};
      clearTimeout(this.#timer);
      const had = this.#content.contains(this.shadowRoot.activeElement);
      this.#section.className = status;
      this.#section.setAttribute("part", `box ${status}`);
      const views = { loading: this.#loading, away: () => [], waiting: this.#waiting, ready: this.#ready, left: this.#left, none: this.#none };
      this.#content.replaceChildren(...views[status].call(this).filter(Boolean));
      if (had && !first) this.#content.focus();
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

  #loading() { return [make("p", { class: "note" }, this.#text("loading"))]; }

  /** The colours of the organization, where the shop sets none. */
  #dress() {
    const { light, on_light: onLight, dark, on_dark: onDark } = this.#list.organizer?.colors ?? {};
    this.#colours.replaceSync(light ? `:host { --theirs: ${light}; --on-theirs: ${onLight}; --theirs-dark: ${dark}; --on-theirs-dark: ${onDark}; }` : "");
  }

  #isFree() { return this.#list.open && this.#list.automatic && this.#list.free > 0 && !this.#list.waiting && !this.#list.verify_email; }

  #none() {
    const said = () => this.#isFree() ? this.#text("free", { n: this.#list.free }) : this.#text(this.#list.open ? "open" : this.#list.list_state === "cancelled" ? "cancelled_show" : this.#list.closed_reason);
    return [
      this.#kept("open", make("p", { class: "big", part: "state" }), said),
      this.#list.closed_reason === "not_opened" ? null
        : this.#kept("waiting", make("p", { part: "count" }), () => this.#text("waiting", { n: this.#list.waiting })),
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
    const figure = (name, field) =>
      make("div", {}, make("dt", {}, this.#text(name)),
        this.#kept(name, make("dd", { part: name }), () => this.#number(this.#entry[field] ?? 0)));
    const wish = () => this.#entry.tickets_minimum < this.#entry.tickets_wanted
      ? this.#text("wish_minimum", { n: this.#entry.tickets_wanted, minimum: this.#entry.tickets_minimum })
      : this.#text("wish", { n: this.#entry.tickets_wanted });
    const worse = make("div", { class: "row" });
    return [
      this.#kept("state", make("p", { class: "big", part: "state" }), () => this.#sentence()),
      make("dl", { part: "figures" }, figure("position", "position"), figure("ahead", "tickets_ahead"), figure("number", "number")),
      this.#kept("wish", make("p"), wish),
      make("details", { part: "change" }, make("summary", {}, this.#text("change")),
        make("p", { class: "note" }, this.#text("change_note")),
        ...this.#wish("save", this.#entry, body => this.#change(worse, body)), worse),
      this.#rules(),
      this.#sure("leave"),
    ];
  }

  #ready() {
    const held = this.#entry.tickets_held;
    const countdown = make("p", { class: "countdown", part: "countdown" });
    const fewer = held > 1 ? this.#choice("fewer", held, held) : null;
    const tickets = () => Number(fewer?.control.value ?? held);
    const buy = make(this.getAttribute("buy-href") ? "a" : "button", { class: "main", part: "button buy", onclick: event => this.#buy(event, tickets()) }, this.#text("buy"));
    const address = () => {
      const leads = buy.localName === "a" && this.#address(tickets());
      if (leads) buy.href = leads;
      else buy.removeAttribute("href");
    };
    fewer?.control.addEventListener("change", address);
    address();
    const until = this.#until;
    const tick = () => {
      const left = Date.parse(until) - Date.now() - this.#skew;
      countdown.textContent = left > 0 ? this.#text("left", { duration: this.#duration(left / 1000) }) : this.#text("over");
      buy.setAttribute("aria-disabled", String(left <= 0));
      if (left > 0) this.#timer = setTimeout(tick, left % 1000 || 1000);
    };
    tick();
    return [
      this.#kept("state", make("p", { class: "big", part: "state" }), () => this.#held()),
      make("p", { class: "note", hidden: !this.#here(this.#until) }, this.#here(this.#until)),
      countdown,
      this.#entry.position && make("p", {}, this.#text("rest", { n: this.#entry.tickets_wanted - held })),
      fewer?.label,
      fewer && make("p", { class: "note" }, this.#text("fewer_note")),
      make("p", {}, buy),
      ...this.#spare(held),
      this.#sure("decline"),
    ];
  }

  /** Where the shop sells them, if it has said so by `buy-href`. */
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

  #buy(event, tickets) {
    const over = event.currentTarget.getAttribute("aria-disabled") === "true";
    if (over || !this.#emit("buy", { entry: this.#entry, tickets }, true)) event.preventDefault();
  }

  /** The form of a wish: how many tickets, and how few would do. */
  #wish(name, { tickets_wanted: wanted = 1, tickets_minimum: least = wanted, keep_waiting_for_rest: keeps = false }, done) {
    const most = Math.max(this.#list.max_quantity_per_order, wanted);
    const tickets = this.#choice("tickets", most, wanted);
    const minimum = this.#choice("minimum", most, least);
    const note = make("p", { class: "note" }, this.#text("minimum_note"));
    const rest = make("input", { type: "checkbox", checked: keeps });
    const keep = make("label", { class: "check", part: "keep" }, rest, ` ${this.#text("keep")}`);
    // As few as all of them, until the fan says otherwise.
    const follow = () => {
      const all = Number(tickets.control.value);
      if (!minimum.chosen || Number(minimum.control.value) > all) minimum.control.value = all;
      for (const option of minimum.control.options ?? []) option.hidden = option.disabled = Number(option.value) > all;
      minimum.label.hidden = note.hidden = all < 2;
      keep.hidden = Number(minimum.control.value) >= all;
    };
    minimum.chosen = least < wanted;
    minimum.control.addEventListener("change", () => { minimum.chosen = true; follow(); });
    tickets.control.addEventListener("input", follow);
    follow();
    const submit = event => {
      event.preventDefault();
      const tickets_wanted = Number(tickets.control.value);
      const tickets_minimum = Math.min(tickets_wanted, Number(minimum.control.value));
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
    return { control, label: make("label", { part: "label" }, this.#text(name), control) };
  }

  /** How many of the held tickets go back, and the button for it; nothing where one is held. */
  #spare(held) {
    if (held < 2) return [];
    const spare = this.#choice("spare", held - 1, 1);
    const key = crypto.getRandomValues(new Uint32Array(4)).join("-");
    const give = quantity => this.#act("POST", { path: "/entry/give-back", body: { quantity }, headers: { "Idempotency-Key": `${key}-${quantity}` } });
    const row = make("div", {});
    const follow = () => {
      const n = Number(spare.control.value);
      row.replaceChildren(this.#sure("give_back", () => give(n), { n }));
    };
    spare.control.addEventListener("change", follow);
    follow();
    return [spare.label, row];
  }

  /** A button that asks once more before it gives the place or tickets up. */
  #sure(name, act = () => this.#act("DELETE"), values = {}) {
    const row = make("div", { class: "row" });
    const ask = make("button", { type: "button", part: `button ${name}`, onclick: () => turn(true) }, this.#text(name, values));
    const question = make("p", { tabindex: "-1" }, this.#text(`${name}_sure`, values));
    const sure = make("div", { class: "row", role: "group", "aria-label": this.#text(`${name}_sure`, values) },
      make("button", { type: "button", class: "main", part: "button yes", onclick: act }, this.#text("yes")),
      make("button", { type: "button", part: "button no", onclick: () => turn(false) }, this.#text("no")));
    const turn = asking => {
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
    const rules = [
      list.policy === "skip" && list.skip_limit ? this.#text("skip", { n: list.skip_limit }) : this.#text("strict"),
      list.policy === "strict" && list.idle_minutes && this.#text("idle", { duration: minutes(list.idle_minutes) }),
      !list.automatic && this.#text("by_hand"),
      list.hold_minutes === null ? this.#text("hold_to_the_end") : this.#text("hold", { duration: minutes(list.hold_minutes) }),
      ...[...list.hold_steps].sort((a, b) => b.days_before - a.days_before).map(step =>
        this.#text(step.days_before ? "step" : "step_day", { n: step.days_before, duration: minutes(step.hold_minutes) })),
      list.quiet_from && this.#text("quiet", { from: clock(list.quiet_from), until: clock(list.quiet_until) }),
      this.#text(`after_${list.after_expiry}`),
      list.after_expiry === "requeue" && list.requeue_limit && this.#text("requeue_limit", { n: list.requeue_limit }),
      list.verify_email && this.#text("verify"),
      list.one_place_per_address && this.#text(list.ignore_address_tags ? "one_place" : "one_address"),
      ["always", "adaptive"].includes(list.join_challenge) && this.#text(`work_${list.join_challenge}`),
      list.max_places_per_person && this.#text("places", { n: list.max_places_per_person }),
      this.#text("maximum", { n: list.max_quantity_per_order }),
      `${this.#text("ends", { until: this.#instant(list.ends_at) })} ${this.#here(list.ends_at)}`.trim(),
    ];
    return make("details", { part: "rules" }, make("summary", {}, this.#text("rules")),
      make("ul", {}, ...rules.filter(Boolean).map(rule => make("li", {}, rule))));
  }
}

if (!customElements.get("waiting-list")) customElements.define("waiting-list", WaitingListElement);
