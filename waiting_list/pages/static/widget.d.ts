// The types of the <waiting-list> element (docs/widget.md). A project that keeps a copy of this file in its sources, or
// names it in a reference, gets them in TypeScript and JSX.

/** Why a fan still waits, and the numbers of that. */
export interface WaitingListWhy {
  code: "not_drawn" | "unverified" | "address_failed" | "too_many" | "nothing_free" | "by_hand" | "first" | "first_waits" | "ahead" | "paused" | "set_aside" | (string & {});
  free: number;
  most_held: number;
}

/** How fast the list moves. The bounds are null if it has shown too little. An estimate, not a promise. */
export interface WaitingListEstimate {
  seen_seconds: number;
  fans: number;
  tickets: number;
  earliest_seconds: number | null;
  latest_seconds: number | null;
}

/** A fan's place, as `GET /v1/user/waiting-lists/{offer_id}/{representation_id}/entry` answers it. Instants are ISO 8601. */
export interface WaitingListEntry {
  offer_id: string;
  representation_id: string;
  event_id: string;
  user_id: string | null;
  status: "waiting" | "ready" | "left";
  left_reason: "bought" | "cancelled" | "expired" | "removed" | "ended" | null;
  tickets_wanted: number;
  tickets_minimum: number;
  tickets_held: number;
  number: number;
  rank: number;
  position: number | null;
  tickets_ahead: number | null;
  joined_at: string;
  ready_at: string | null;
  ready_until: string | null;
  left_at: string | null;
  keep_waiting_for_rest: boolean;
  paused_at: string | null;
  wish_id: string | null;
  set_aside_at: string | null;
  purchase_pass: string | null;
  why?: WaitingListWhy | null;
  estimate?: WaitingListEstimate | null;
}

/** A refusal (RFC 9457). `unreachable`: the service did not answer. */
export interface WaitingListProblem {
  code: string;
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  [field: string]: unknown;
}

export interface WaitingListWish {
  tickets_wanted: number;
  tickets_minimum: number;
  keep_waiting_for_rest: boolean;
}

export interface WaitingListEventMap {
  "waiting-list:joined": CustomEvent<WaitingListEntry>;
  "waiting-list:changed": CustomEvent<WaitingListEntry | null>;
  "waiting-list:ready": CustomEvent<WaitingListEntry>;
  "waiting-list:left": CustomEvent<WaitingListEntry>;
  "waiting-list:error": CustomEvent<WaitingListProblem>;
  "waiting-list:buy": CustomEvent<{ entry: WaitingListEntry; tickets: number }>;
  "waiting-list:sign-in": CustomEvent<WaitingListWish>;
}

export interface WaitingListAttributes {
  offer: string;
  representation: string;
  token?: string;
  lang?: string;
  locale?: string;
  heading?: string;
  "heading-level"?: string | number;
  "buy-href"?: string;
}

export interface WaitingListElement extends HTMLElement {
  /** The fan's token; null: nobody is signed in. Without a token and without `getToken`, fans join by email. */
  token: string | null;
  /** Asked for a token when there is none, and for another one when it is refused. */
  getToken: (() => Promise<string | null> | string | null) | undefined;
  /** The fan's latest entry; null: none that is known. */
  readonly entry: WaitingListEntry | null;
  /** Looks again now. */
  refresh(): void;
  addEventListener<Name extends keyof WaitingListEventMap>(
    type: Name, listener: (this: WaitingListElement, event: WaitingListEventMap[Name]) => void, options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "waiting-list": WaitingListElement;
  }
  interface DocumentEventMap extends WaitingListEventMap {}
  namespace JSX {
    interface IntrinsicElements {
      "waiting-list": WaitingListAttributes & { [attribute: string]: unknown };
    }
  }
}
