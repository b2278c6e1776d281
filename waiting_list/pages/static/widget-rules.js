// The rules of a list in words. widget.js loads this when a fan opens them.

/** The sentences of a list. `text` gives a text by its name and values, `duration` the words for minutes. */
export function rulesOf(list, region, text, duration, ends) {
  const time = at => new Intl.DateTimeFormat(region, { timeStyle: "short", timeZone: "UTC" }).format(new Date(`1970-01-01T${at}Z`));
  const skips = list.policy === "skip" && list.skip_limit;
  return [
    skips ? `${text("skip")} ${text("skip_limit", { num: skips })}` : text("strict"),
    list.policy === "strict" && list.idle_minutes && text("idle", { duration: duration(list.idle_minutes) }),
    !list.automatic && text("organizer_offers"),
    list.hold_minutes === null ? text("hold_to_the_end") : text("hold", { duration: duration(list.hold_minutes) }),
    ...[...list.hold_steps].sort((a, b) => b.days_before - a.days_before).map(step =>
      text(step.days_before ? "step" : "step_day", { num: step.days_before, duration: duration(step.hold_minutes) })),
    list.quiet_from && text("quiet", { from: time(list.quiet_from), until: time(list.quiet_until) }),
    text(`after_${list.after_expiry}`),
    list.after_expiry === "requeue" && list.requeue_limit && text("requeue_limit", { num: list.requeue_limit }),
    list.verify_email && text("verify"),
    list.one_place_per_address && text(list.ignore_address_tags ? "one_place" : "one_address"),
    ["always", "adaptive"].includes(list.join_challenge) && text(`work_${list.join_challenge}`),
    list.max_places_per_person && text("places", { num: list.max_places_per_person }),
    text("maximum", { num: list.max_quantity_per_order }),
    text("ends", { instant: ends }),
  ].filter(Boolean);
}
