// Runs before the first paint, so that nothing jumps: says that scripts run, and keeps the
// navigation as it was left.
document.documentElement.classList.add("js");
try {
  if (localStorage.getItem("nav") === "collapsed") {
    document.documentElement.classList.add("nav-collapsed");
  }
} catch {
  // Storage may be forbidden; then the navigation stays open.
}
