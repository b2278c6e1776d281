// "Tell me on this device": asks the browser for where to push to, and gives that to the service with the entry.

const known = () => `push ${location.pathname}`;

function show(section, on, text = "") {
  const button = section.querySelector("button");
  button.dataset.off ??= button.textContent;
  button.textContent = on ? button.dataset.on : button.dataset.off;
  section.dataset.is = on ? "on" : "off";
  section.querySelector("[role=status]").textContent = text;
}

async function send(section, address, subscription) {
  const form = section.querySelector("form");
  const { keys } = subscription.toJSON();
  form.endpoint.value = subscription.endpoint;
  form.p256dh.value = keys.p256dh;
  form.auth.value = keys.auth;
  const answer = await fetch(address, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  if (!answer.ok) throw new Error(String(answer.status));
}

/** Where this device's pushes go. A browser that keeps no worker never has one. */
async function managed() {
  const late = new Promise((_, refuse) => { setTimeout(refuse, 10_000); });
  return (await Promise.race([navigator.serviceWorker.ready, late])).pushManager;
}

async function change(section) {
  const told = section.querySelector("[role=status]").dataset;
  try {
    const manager = await managed();
    if (section.dataset.is === "on") {
      const subscription = await manager.getSubscription();
      if (subscription) await send(section, `${section.querySelector("form").action}/stop`, subscription);
      localStorage.removeItem(known());
      return show(section, false);
    }
    if ((await Notification.requestPermission()) !== "granted") return show(section, false, told.refused);
    const key = { userVisibleOnly: true, applicationServerKey: section.dataset.push };
    await send(section, section.querySelector("form").action, (await manager.getSubscription()) ?? (await manager.subscribe(key)));
    localStorage.setItem(known(), "on");
    show(section, true, told.says);
  } catch {
    show(section, section.dataset.is === "on", told.refused);
  }
}

/** On an iPhone or iPad, a page can only do it from the home screen. */
const isToInstall = () => /iP(hone|ad|od)/.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);

/** Offers it, or says why this browser cannot do it. */
export async function offer(section) {
  if (!navigator.serviceWorker || !("PushManager" in window) || !("Notification" in window)) {
    const text = section.querySelector("[data-cannot]");
    text.textContent = text.dataset[isToInstall() ? "install" : "cannot"];
    section.dataset.is = "cannot";
    return;
  }
  section.querySelector("form").onsubmit = event => {
    event.preventDefault();
    change(section);
  };
  const on = localStorage.getItem(known()) === "on" && Notification.permission === "granted";
  show(section, on);
  if (on && !(await (await managed()).getSubscription())) show(section, false);
}

