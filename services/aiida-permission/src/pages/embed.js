// Shows the page on which a household shares data of its home, where this script stands:
//   <script src="https://HOST/permissions/embed.js" data-data-need-id="…" data-connection-id="…" async></script>
// or, for a page that the API has made, data-page="https://HOST/permissions/…" in their place. Also: data-meter-id,
// data-lang. Sends "metergate:state" events (detail: { state }) from the frame that it makes.
"use strict";
(() => {
  const tag = document.currentScript;
  const base = new URL(".", tag.src);
  const { dataNeedId, connectionId, meterId, page, lang } = tag.dataset;

  const address = page === undefined ? new URL("new", base) : new URL(page, base);
  if (address.origin !== base.origin || !address.pathname.startsWith(base.pathname)) {
    console.error(`metergate: data-page must begin with ${base.href}`);
    return;
  }
  if (page === undefined) {
    for (const id of (dataNeedId ?? "").split(",")) {
      address.searchParams.append("dataNeedId", id.trim());
    }
    address.searchParams.set("connectionId", connectionId ?? "");
    if (meterId !== undefined) {
      address.searchParams.set("meterId", meterId);
    }
  }
  address.searchParams.set("embed", "1");
  const language = (lang ?? document.documentElement.lang).split("-")[0].toLowerCase();
  if (language !== "") {
    address.searchParams.set("lang", language);
  }

  const frame = document.createElement("iframe");
  frame.src = address.href;
  frame.title = "Metergate";
  frame.width = "100%";
  frame.height = "480";
  frame.allow = "clipboard-write";
  frame.referrerPolicy = "no-referrer";
  // Set so, and not as an attribute, it needs no leave of the page's policy.
  frame.style.border = "0";
  frame.style.display = "block";

  let state = "";
  const tell = (now) => {
    if (now !== state) {
      state = now;
      frame.dispatchEvent(new CustomEvent("metergate:state", { bubbles: true, detail: { state } }));
    }
  };

  let waiting = 0;
  frame.addEventListener("load", () => {
    // To our own origin only. A page that may not stand here is another one, and does not hear it.
    frame.contentWindow.postMessage({ metergate: "host" }, base.origin);
    clearTimeout(waiting);
    waiting = setTimeout(() => tell("unavailable"), 10000);
  });
  addEventListener("message", ({ origin, source, data }) => {
    if (origin !== base.origin || source !== frame.contentWindow || data?.metergate !== "page") {
      return;
    }
    clearTimeout(waiting);
    if (Number.isInteger(data.height) && data.height > 0) {
      frame.height = String(Math.min(data.height, 10000));
    }
    frame.title = String(data.title);
    tell(String(data.state));
  });
  tag.after(frame);
})();
