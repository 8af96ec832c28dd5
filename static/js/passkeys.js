// Passkeys: connects a page's form to allauth's script and shows when no passkey was used.

function start(form) {
  const kind = form.dataset.passkey;
  const credential = form.querySelector('[name="credential"]');
  const button = form.querySelector("#passkey-button");
  const passwordless = form.querySelector('[name="passwordless"]')?.id;
  const names = { add: button.id, authenticate: button.id, login: button.id };
  const ids = { ...names, credential: credential.id, passwordless };
  if (document.getElementById("js_data")) ids.data = "js_data";
  window.allauth.webauthn.forms[kind]({ ids });
  button.addEventListener("click", () => {
    form.querySelector(".problem").hidden = true;
  });
}

// Canceling the dialog, or a device without a passkey, is not an error to report.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  for (const problem of document.querySelectorAll("[data-passkey] .problem")) problem.hidden = false;
});

for (const form of document.querySelectorAll("[data-passkey]")) start(form);
