// The menu of a row of a list. A row has a link to its page, which becomes the menu when it is pressed.

const template = document.getElementById("more-menu");

function menuOf(link) {
  const menu = document.createElement("details");
  const summary = document.createElement("summary");
  menu.className = "menu row-menu";
  summary.className = "icon-button";
  summary.setAttribute("aria-label", link.getAttribute("aria-label"));
  summary.append(...link.childNodes);
  menu.append(summary, template.content.firstElementChild.cloneNode(true));
  Object.assign(menu.dataset, link.dataset, {
    address: link.href,
    key: link.closest("tr").querySelector(".key").textContent,
  });
  for (const item of menu.querySelectorAll("[data-needs]")) {
    if (!(item.dataset.needs in link.dataset)) item.remove();
  }
  for (const item of menu.querySelectorAll("[data-to]")) item.href = link.href + item.dataset.to;
  // In the list of a branch, the value is the one that this branch gets, even if it inherits it.
  const branch = new URLSearchParams(location.search).get("branch");
  if (/^\d+$/.test(branch)) menu.querySelector('[data-to="why/"]').search = `?on=${branch}`;
  return menu;
}

/** Let the rows' links open menus. `edit(link)` and `remove(row)` do what their items say. */
export function startMoreMenus(edit, remove) {
  document.addEventListener("click", (event) => {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const control = event.target.closest("#listing :is(a.more, a.override, .remove-row)");
    if (!control) return;
    event.preventDefault();
    if (control.matches(".more")) {
      const menu = menuOf(control);
      control.replaceWith(menu);
      menu.open = true;
      menu.querySelector("summary").focus();
      menu.lastElementChild.scrollIntoView({ block: "nearest" });
      return;
    }
    control.closest(".row-menu").open = false;
    if (control.matches(".override")) edit(control);
    else remove(control.closest("tr"));
  });
}
