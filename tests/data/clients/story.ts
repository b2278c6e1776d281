// Plays the main story with the types that openapi-typescript made, and openapi-fetch. It prints what it saw, as JSON.
import createClient from "openapi-fetch";
import type { components, paths } from "./api";

type Problem = components["schemas"]["ProblemDocument"];
const baseUrl = process.env["ADDRESS"] ?? "";
const as = (token: string) => createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
const organizer = as(process.env["API_KEY"] ?? "");
const path = { offer_id: "ts-off", representation_id: "ts-rep" };
const LIST = "/v1/user/waiting-lists/{offer_id}/{representation_id}/entry" as const;

/** Returns the body of an answer, or throws the problem. */
async function of<T>(call: Promise<{ data?: T; error?: Problem }>): Promise<T> {
  const { data, error } = await call;
  if (data === undefined) throw new Error(`${error?.code}: ${error?.detail}`);
  return data;
}

const event = await of(
  organizer.PUT("/v1/organizer/events/{event_id}", {
    params: { path: { event_id: "ts-ev" } },
    body: { title: "Jazz", timezone: "Europe/Paris" },
  }),
);
await of(
  organizer.PUT("/v1/organizer/representations/{representation_id}", {
    params: { path },
    body: {
      event_id: event.event_id,
      start_datetime: "2030-01-31T20:00:00+01:00",
      end_datetime: "2030-01-31T23:00:00+01:00",
    },
  }),
);
await of(
  organizer.PUT("/v1/organizer/offers/{offer_id}", {
    params: { path },
    body: { event_id: event.event_id, name: "Floor", max_quantity_per_order: 4 },
  }),
);
const soldOut = await of(
  organizer.PUT("/v1/organizer/inventory/{offer_id}/{representation_id}", {
    params: { path },
    body: { total_stock: 10, available_stock: 0 },
  }),
);
if (!soldOut.waiting_list_open) throw new Error("the list is not open");

const { token } = await of(organizer.POST("/v1/organizer/user-tokens", { body: { user_id: "ada" } }));
const ada = as(token);
const once = { path, header: { "Idempotency-Key": "one" } };
const joined = await of(ada.POST(LIST, { params: once, body: { tickets_wanted: 2 } }));
const again = await ada.POST(LIST, { params: once, body: { tickets_wanted: 2 } });
if (again.response.headers.get("Idempotent-Replayed") !== "true") throw new Error("the join is not a repeat");
const { error } = await ada.POST(LIST, { params: { path }, body: { tickets_wanted: 2 } });
if (error?.code !== "already_in_list") throw new Error("the join is not refused");

const stock = await of(
  organizer.POST("/v1/organizer/inventory/{offer_id}/{representation_id}/add-stock", {
    params: { path },
    body: { quantity: 2 },
  }),
);
if (stock.promoted[0]?.user_id !== "ada") throw new Error("the fan is not ready");
const ready = await of(ada.GET(LIST, { params: { path } }));
const bought = await of(
  organizer.POST("/v1/organizer/waiting-lists/{offer_id}/{representation_id}/entries/{user_id}/purchase", {
    params: { path: { ...path, user_id: "ada" } },
    body: {},
  }),
);
const found = await of(
  organizer.GET("/v1/organizer/entries", {
    params: { query: { offer_id: ["ts-off"], status: ["left"], left_reason: ["bought"] } },
  }),
);

// A fan without an account: the place at once, its token opens it, and a second browser gets a letter.
const anybody = createClient<paths>({ baseUrl });
const byEmail = () =>
  anybody.POST("/v1/user/waiting-lists/{offer_id}/{representation_id}/join-by-email", {
    params: { path },
    body: { email: "cleo@mail.example", tickets_wanted: 1, keep_waiting_for_rest: false },
  });
const place = await of(byEmail());
if (!("token" in place)) throw new Error("the fan has no place");
const own = await of(as(place.token).GET(LIST, { params: { path } }));
const letter = await of(byEmail());
if ("token" in letter && letter.token) throw new Error("the second browser has the place");

// Either evening will do: a place in each list.
const later = { offer_id: "ts-off", representation_id: "ts-rep-2" };
await of(
  organizer.PUT("/v1/organizer/representations/{representation_id}", {
    params: { path: later },
    body: {
      event_id: event.event_id,
      start_datetime: "2030-02-01T20:00:00+01:00",
      end_datetime: "2030-02-01T23:00:00+01:00",
    },
  }),
);
await of(
  organizer.PUT("/v1/organizer/inventory/{offer_id}/{representation_id}", {
    params: { path: later },
    body: { total_stock: 10, available_stock: 0 },
  }),
);
const bob = as((await of(organizer.POST("/v1/organizer/user-tokens", { body: { user_id: "bob" } }))).token);
const made = await of(
  bob.POST("/v1/user/wishes", {
    body: {
      lists: [path, later],
      tickets_wanted: 1,
      choice: "withdraw_when_bought",
      keep_waiting_for_rest: false,
    },
  }),
);
const withdrawn = await of(
  bob.DELETE("/v1/user/wishes/{wish_id}", { params: { path: { wish_id: made.wish_id } } }),
);

console.log(
  JSON.stringify({
    joined: [joined.status, joined.position],
    refused: [error.code, error.entry?.number],
    ready: ready.tickets_held,
    bought: [bought.status, bought.left_reason],
    found: found.items.map((entry) => entry.user_id),
    by_email: [own.number, place.mailed, letter.mailed],
    wish: [made.state, made.lists.map((one) => one.entry?.position), withdrawn.state],
  }),
);
