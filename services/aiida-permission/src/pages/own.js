// What a household's page does besides keeping itself up to date: copies codes, shows values as they come, writes times
// as this device does, and in a frame tells the page around how tall it is and where the request stands.
"use strict";
(() => {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (button === null) {
      return;
    }
    const field = document.getElementById(button.dataset.copy);
    field.select();
    const said = button.parentElement.querySelector("[role=status]");
    try {
      await navigator.clipboard.writeText(field.value);
      said.textContent = button.dataset.copied;
    } catch {
      // No clipboard without HTTPS, or in a frame without leave: the text is selected, for the keyboard.
      said.textContent = button.dataset.selected;
    }
  });

  const local = (time) => {
    const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
    time.textContent = format.format(new Date(time.dateTime));
  };

  // From the stream that keeps the page up to date.
  document.addEventListener("pages:listening", ({ detail: events }) => {
    events.addEventListener("values", (event) => {
      for (const { nr, at, values } of JSON.parse(event.data)) {
        const list = document.querySelector(`[data-values="${nr}"]`);
        const time = document.querySelector(`[data-time="${nr}"]`);
        if (list === null || time === null) {
          continue;
        }
        list.replaceChildren(...values.map(([what, amount]) => {
          const line = document.createElement("div");
          const [term, text] = [document.createElement("dt"), document.createElement("dd")];
          term.textContent = what;
          text.textContent = amount;
          line.append(term, " ", text);
          return line;
        }));
        time.dateTime = at;
        local(time);
      }
    });
  });

  // What the reader has opened and where the reader is stays so when the page is replaced.
  const opened = new Set();
  let focused = "";
  document.addEventListener("toggle", ({ target }) => {
    if (target.isConnected && target.id !== "") {
      opened[target.open ? "add" : "delete"](target.id);
    }
  }, true);
  document.addEventListener("focusin", ({ target }) => {
    focused = target.id;
  });

  // To the page around the frame: only to an origin that may hold it, and only after it has said so itself.
  let host = null;
  const tell = () => {
    const page = document.querySelector("[data-hosts]");
    if (host === null || page === null) {
      return;
    }
    const height = Math.ceil(document.body.getBoundingClientRect().height);
    parent.postMessage({ metergate: "page", height, state: page.dataset.stand, title: document.title }, host);
  };
  addEventListener("message", (event) => {
    const hosts = document.querySelector("[data-hosts]")?.dataset.hosts.split(" ") ?? [];
    const isAround = parent !== window && event.source === parent && hosts.includes(event.origin);
    if (isAround && event.data?.metergate === "host") {
      host = event.origin;
      tell();
    }
  });
  new ResizeObserver(tell).observe(document.body);

  const dress = () => {
    for (const button of document.querySelectorAll("button[data-copy]")) {
      button.hidden = false;
    }
    document.querySelectorAll("time[data-time]").forEach(local);
    for (const details of document.querySelectorAll("details[id]")) {
      details.open ||= opened.has(details.id);
    }
    if (focused !== "" && document.activeElement === document.body) {
      document.getElementById(focused)?.focus({ preventScroll: true });
    }
    tell();
  };
  new MutationObserver(dress).observe(document.body, { childList: true });
  dress();
})();
