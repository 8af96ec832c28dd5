// Find another environment's host in a value for production. console/lib/naming/environments.py has
// the rule for stored values, and sends its patterns and words.

const WORDS = /[-_]/;

/** Return a function of a key and a value. It returns the environment that the value's host names, or "". */
export function hostRule({ aliases, localName, named, own, privateNames, ...patterns }) {
  const { url, host, hostKey, local } = patterns;
  const [isUrl, isHost, isHostKey, isLocal] = [url, host, hostKey, local].map((it) => new RegExp(it, "i"));
  const names = new Map(Object.entries(named));
  const withAliases = (word) => [word, ...aliases.filter((alike) => alike.includes(word)).flat()];

  function hostOf(key, value) {
    const text = value.length > 2000 ? "" : value.trim();
    const found = isUrl.exec(text) ?? (isHostKey.test(key) ? isHost.exec(text) : null);
    return found?.[1].toLowerCase().replace(/\.+$/, "") ?? "";
  }

  return function namedBy(key, value) {
    const found = hostOf(key, value);
    if (!found || isLocal.test(found)) return found && localName;
    const meant = new Set([...own, ...key.toLowerCase().split(WORDS).flatMap(withAliases)]);
    const every = found.split(".");
    const labels = every.slice(0, privateNames.includes(every.at(-1)) ? -1 : -2);
    const words = labels.flatMap((label) => label.split(WORDS).flatMap((part) => [label, part]));
    return names.get(words.find((word) => names.has(word) && !meant.has(word))) ?? "";
  };
}
