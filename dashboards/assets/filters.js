// A choice in a form of filters becomes the address at once; Dash then draws the page of that address.
// Selects are the browser's own, so that keyboards, phones and screen readers know them.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form.filters");
  if (!form) return;
  const chosen = new URLSearchParams(new FormData(form));
  for (const name of (event.target.dataset.resets || "").split(" ")) chosen.delete(name);
  for (const [name, value] of [...chosen]) if (!value) chosen.delete(name);
  keepFocus(event.target);
  dash_clientside.set_props("address", { search: chosen.size ? "?" + chosen : "" });
});

// The page is drawn anew, and with it the control; whoever works with the keyboard stays where they were.
function keepFocus(control) {
  new MutationObserver((_changes, watch) => {
    const again = document.getElementById(control.id);
    if (again && again !== control) {
      again.focus();
      watch.disconnect();
    }
  }).observe(document.body, { childList: true, subtree: true });
}
