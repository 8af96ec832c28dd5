// Show times in the reader's time zone. The server sends UTC ("2026-01-31 14:03Z"), and the zone if
// the reader chose one.

const STEPS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
const WEEK = 7 * 86400;
const timeZone = knownZone(document.documentElement.dataset.zone);
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const exactTo = (timeStyle) =>
  new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle, hourCycle: "h23", timeZone });
const toTheMinute = exactTo("short");
const toTheSecond = exactTo("medium");
const day = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeZone });

/** Return the zone, or undefined for the browser's, also if this browser doesn't know the zone. */
function knownZone(name) {
  if (!name) return undefined;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

function ago(moment) {
  const seconds = (moment - Date.now()) / 1000;
  if (seconds < -WEEK) return day.format(moment);
  const [unit, length] = STEPS.find(([, size]) => -seconds >= size) ?? [];
  return unit ? relative.format(Math.trunc(seconds / length), unit) : "just now";
}

const sameDay = (one, other) => day.format(one) === day.format(other);
const clock = new Intl.DateTimeFormat("en", { timeStyle: "short", hourCycle: "h23", timeZone });
const monthDay = new Intl.DateTimeFormat("en", { month: "short", day: "numeric", timeZone });

/** "Today at 15:32", "Nov 25 at 16:20", or the day alone if that is long ago. */
function onDay(moment) {
  const now = new Date();
  const yesterday = new Date(now - 86400 * 1000);
  if (now - moment > 180 * 86400 * 1000) return day.format(moment);
  const name = sameDay(moment, now) ? "Today" : sameDay(moment, yesterday) ? "Yesterday" : monthDay.format(moment);
  return `${name} at ${clock.format(moment)}`;
}

const toTheSecondOfDay = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23", timeZone });
const isoDay = new Intl.DateTimeFormat("sv", { timeZone }); // 2026-01-31

/** "15:32:07", with the day if that isn't the one of the list around it, or today. */
function onClock(time, moment) {
  const text = (/:\d\d:\d\d/.test(time.dateTime) ? toTheSecondOfDay : clock).format(moment);
  const expected = time.closest("[data-day]")?.dataset.day ?? isoDay.format(new Date());
  return isoDay.format(moment) === expected ? text : `${monthDay.format(moment)}, ${text}`;
}

function shown(time, moment, full) {
  if (time.classList.contains("clock")) return onClock(time, moment);
  if (time.classList.contains("exact")) return full;
  return time.classList.contains("day") ? onDay(moment) : ago(moment);
}

/** Convert the times inside `root`, each once. */
export function localTimes(root) {
  for (const time of root.querySelectorAll("time:not([datetime])")) {
    const text = time.textContent.trim();
    const moment = new Date(text.replace(" ", "T"));
    if (Number.isNaN(moment.getTime())) continue;
    // Only as exact as the server was: 14:03 is not 14:03:00.
    const full = (/:\d\d:\d\d/.test(text) ? toTheSecond : toTheMinute).format(moment);
    time.dateTime = text;
    time.title = `${full} (${text.replace("Z", " UTC")})`;
    time.textContent = shown(time, moment, full);
  }
}

/** Tell the server the browser's time zone, for what the next page groups by day. */
export function tellZone() {
  const { timeZone: zone } = Intl.DateTimeFormat().resolvedOptions();
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `zone=${zone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

/** Let a filter's times be local ones, unless the address says which zone's they are. */
export function localFilter() {
  const zone = document.querySelector('#filter [name="zone"]');
  if (!zone || zone.value) return;
  const times = zone.form.querySelectorAll('[type="datetime-local"]');
  if ([...times].some((time) => time.value)) return;
  zone.value = timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const name of zone.form.querySelectorAll("[data-zone]")) name.textContent = zone.value;
}
