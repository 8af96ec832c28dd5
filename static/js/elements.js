// Make and find elements of the page.

/** Return the element with this id, or null. */
export const byId = (id) => document.getElementById(id);

/** Return a new element. */
export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Return a small button that calls `act`, if there is one. */
export function button(text, act) {
  const made = element("button", "button small", text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

/** Return an icon of the page's sprite. */
export function icon(name, size = "") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", `icon ${size}`.trim());
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}
