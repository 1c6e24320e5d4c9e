// Shows what changes while it changes. Without this, the page loads itself again now and then.
"use strict";
(() => {
  if (!("EventSource" in window)) {
    setTimeout(() => location.reload(), 10000);
    return;
  }
  // What is said must stand outside of what is replaced.
  const said = document.createElement("p");
  said.className = "visually-hidden";
  said.setAttribute("role", "status");
  document.body.append(said);

  let events = null;
  const current = () => document.querySelector("[data-events]");

  const listen = () => {
    const page = current();
    if (page === null) {
      return;
    }
    events = new EventSource(page.dataset.events);
    events.addEventListener("bar", (event) => bar(JSON.parse(event.data)));
    // For a script of the page's own that waits for more than this.
    document.dispatchEvent(new CustomEvent("pages:listening", { detail: events }));
    events.addEventListener("state", (event) => {
      if (event.data !== current()?.dataset.state) {
        replace();
      }
    });
    events.addEventListener("error", () => {
      // The stream was refused or came to its end for good: look again later.
      if (events.readyState === EventSource.CLOSED) {
        setTimeout(replace, 5000 + Math.random() * 5000);
      }
    });
  };

  const bar = ({ value, max, text }) => {
    const progress = document.querySelector("progress[data-bar]");
    const label = document.querySelector("[data-bar-text]");
    if (progress === null || label === null) {
      replace();
      return;
    }
    progress.max = max;
    progress.value = value;
    progress.textContent = text;
    label.textContent = text;
  };

  const replace = async () => {
    events.close();
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (answer.status >= 500) {
        throw new Error("trouble, which passes");
      }
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const main = fresh.querySelector("main");
      if (main === null) {
        throw new Error("no page of ours");
      }
      document.querySelector("main").replaceWith(main);
      document.title = fresh.title;
      said.textContent = main.querySelector("h1")?.textContent ?? "";
      listen();
    } catch {
      // The network is away, or the service: the address stays good.
      setTimeout(replace, 5000 + Math.random() * 5000);
    }
  };

  listen();
  addEventListener("pageshow", (event) => {
    // Back from the browser's memory of pages: what it shows is old.
    if (event.persisted) {
      location.reload();
    }
  });
})();
