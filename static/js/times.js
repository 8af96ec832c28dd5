// Show times in the reader's time zone. The server sends UTC ("2026-01-31 14:03Z").

const STEPS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
const WEEK = 7 * 86400;
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const full = new Intl.DateTimeFormat("en", {
  dateStyle: "medium",
  timeStyle: "medium",
  hourCycle: "h23",
});
const day = new Intl.DateTimeFormat("en", { dateStyle: "medium" });

function ago(moment) {
  const seconds = (moment - Date.now()) / 1000;
  if (seconds < -WEEK) return day.format(moment);
  const [unit, length] = STEPS.find(([, size]) => -seconds >= size) ?? [];
  return unit ? relative.format(Math.trunc(seconds / length), unit) : "just now";
}

/** Convert the times inside `root`, each once. */
export function localTimes(root) {
  for (const time of root.querySelectorAll("time:not([datetime])")) {
    const text = time.textContent.trim();
    const moment = new Date(text.replace(" ", "T"));
    if (Number.isNaN(moment.getTime())) continue;
    time.dateTime = text;
    time.title = `${full.format(moment)} (${text.replace("Z", " UTC")})`;
    time.textContent = time.classList.contains("exact") ? full.format(moment) : ago(moment);
  }
}
