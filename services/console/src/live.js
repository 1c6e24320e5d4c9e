// Keeps power and newest values up to date: fetches their part of the page again, as often as `data-every` says, in
// seconds.
"use strict";
(() => {
  const live = document.getElementById("live");
  const said = document.getElementById("said");
  const place = document.getElementById("pause");
  if (live === null || said === null || place === null) {
    return;
  }
  let paused = false;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain small";
  button.textContent = "Pause updates";
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    said.textContent = paused ? "Updates are paused." : "Updates go on.";
  });
  place.replaceChildren(button);

  const status = (root) => root.querySelector("[data-status]")?.dataset.status;
  const update = async () => {
    // Whoever is in there, reading or by keyboard, is not thrown out of it.
    if (paused || document.hidden || live.contains(document.activeElement)) {
      return;
    }
    const answer = await fetch(live.dataset.source, { cache: "no-store" });
    if (!answer.ok) {
      throw new Error(`status ${answer.status}`);
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const part = fresh.getElementById("live");
    if (part === null || paused) {
      return;
    }
    const before = status(live);
    const open = [...live.querySelectorAll("details")].map((details) => details.open);
    live.replaceChildren(...part.childNodes);
    live.querySelectorAll("details").forEach((details, nr) => {
      details.open = open[nr] ?? false;
    });
    if (status(live) !== before) {
      said.textContent = `The permission is now ${status(live)}.`;
    }
  };

  const every = Number(live.dataset.every) * 1000;
  const again = () => {
    setTimeout(() => update().catch(() => {}).finally(again), every);
  };
  again();
})();
