// Fill in the timezone of a first event: that of this browser is the best guess. Without scripts the field stays empty.

const field = document.querySelector("[data-timezone]");
if (field && !field.value) {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...document.querySelectorAll("#timezones option")].some(one => one.value === here)) field.value = here;
}
