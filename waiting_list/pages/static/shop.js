// What a shop adds to the widget: another token when one has expired, and what "Join" means to who is not signed in.
// Buying needs no script: `buy-href` says where.

for (const list of document.querySelectorAll("waiting-list[data-fan]")) {
  list.getToken = async () => (await (await fetch(`token?fan=${encodeURIComponent(list.dataset.fan)}`)).json()).token;
}

document.addEventListener("waiting-list:sign-in", event => {
  event.preventDefault();
  document.querySelector("#sign-in").textContent = event.target.dataset.signIn;
  document.querySelector("#fan").focus();
});
