// Asks the browser for a passkey, to sign in or to add one, and sends its answer in the form. The server writes what to ask
// for, and verifies the answer. Without this script, the form stays hidden, and members sign in with a link.

const read = text => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), letter => letter.charCodeAt(0));
const written = buffer =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const named = credentials => credentials?.map(one => ({ ...one, id: read(one.id) }));

/** What the browser answers to the options, as JSON. */
async function answer(options) {
  const publicKey = { ...options, challenge: read(options.challenge) };
  if (options.user) {
    publicKey.user = { ...options.user, id: read(options.user.id) };
    publicKey.excludeCredentials = named(options.excludeCredentials);
  }
  const made = await (options.user ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
  const response = { transports: made.response.getTransports?.() };
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (made.response[part]) response[part] = written(made.response[part]);
  }
  return JSON.stringify({ id: made.id, rawId: written(made.rawId), type: made.type, response });
}

async function send(form) {
  const loaded = await fetch(form.dataset.passkey, { cache: "no-store" });
  // Whoever is signed out is sent to a page.
  if (!loaded.ok || loaded.redirected) return location.reload();
  form.elements.credential.value = await answer(await loaded.json());
  form.submit();
}

for (const place of document.querySelectorAll("[data-passkeys]")) {
  const isHere = location.origin === new URL(place.dataset.passkeys).origin;
  const shown = !isHere ? "elsewhere" : window.PublicKeyCredential ? "here" : "absent";
  for (const part of place.querySelectorAll("[data-shown]")) part.hidden = part.dataset.shown !== shown;
  const form = place.querySelector("form");
  const button = form.querySelector("button");
  form.addEventListener("submit", event => {
    event.preventDefault();
    const failed = [...place.querySelectorAll("[data-failed]")];
    for (const one of failed) one.hidden = true;
    button.disabled = true;
    send(form).catch(error => {
      button.disabled = false;
      (failed.find(one => one.dataset.failed === error.name) ?? failed[0]).hidden = false;
    });
  });
}
