// Copy buttons, and a page that shows what has changed. Without this, the page loads itself again now and then.
"use strict";
(() => {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const field = document.getElementById(button.dataset.copy);
    button.hidden = false;
    button.addEventListener("click", async () => {
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
        button.textContent = "Copied";
      } catch {
        // No clipboard without HTTPS: the text is selected, for the keyboard.
        button.textContent = "Selected: now copy it";
      }
    });
  }
  const page = document.querySelector("[data-events]");
  if (page === null || !("EventSource" in window)) {
    return;
  }
  const events = new EventSource(page.dataset.events);
  events.addEventListener("state", (event) => {
    if (event.data !== page.dataset.state) {
      events.close();
      location.reload();
    }
  });
})();
