// Shows openapi.json, which is beside this page. No other host is asked for anything, and no credentials outlive the page.
const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();
// Calls go to the origin of this page, which may differ from the public address that the document names.
const url = "openapi.json";
const here = { url: new URL(".", new URL(url, location)).href.replace(/\/$/, "") };
const CallsHere = () => ({
  statePlugins: {
    spec: { wrapActions: { updateJsonSpec: (update) => (spec) => update({ ...spec, servers: [here] }) } },
  },
});
SwaggerUIBundle({
  plugins: [CallsHere],
  url,
  dom_id: "#docs",
  deepLinking: true,
  persistAuthorization: false,
  queryConfigEnabled: false,
  validatorUrl: null,
});
