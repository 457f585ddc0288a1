// Keeps an open page up to date, and adds what plain HTML cannot. Without it every form works.
"use strict";

const byId = (id) => document.getElementById(id);

// ---------------------------------------------------------------------- what the server sends

// `html` was escaped by the server, and the page's policy runs no script that is within it.
function patch(event) {
  let element = byId(event.id);
  if (event.gone) {
    if (element) element.remove();
    return;
  }
  const fresh = !element;
  if (fresh) {
    const parent = event.into && byId(event.into);
    if (!parent) return;
    element = document.createElement(event.tag);
    element.id = event.id;
    element.className = event.class;
    parent.prepend(element);
  } else if (element.dataset.v === event.v) {
    return;
  }
  const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
  element.innerHTML = event.html;
  element.dataset.v = event.v;
  if (focused && byId(focused)) byId(focused).focus();
  // The same words once more, as at each percent of a download, would be read out again.
  if (event.say && byId("say").textContent !== event.say) byId("say").textContent = event.say;
  dress(element);
}

function listen(path) {
  const stream = new EventSource(path);
  let late = 0;
  stream.onmessage = (message) => patch(JSON.parse(message.data));
  stream.onopen = () => {
    clearTimeout(late);
    late = 0;
    byId("offline").hidden = true;
  };
  // It comes back by itself, mostly before anyone need know.
  stream.onerror = () => {
    late ||= setTimeout(() => { byId("offline").hidden = false; }, 3000);
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
  };
  window.addEventListener("pagehide", () => stream.close());
}

// --------------------------------------------------------------------------------- times

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

function ago(element) {
  const seconds = (Date.now() - Date.parse(element.dateTime)) / 1000;
  const unit = UNITS.find(([, length]) => seconds >= length);
  element.title ||= element.textContent;
  element.textContent = unit ? words.format(-Math.floor(seconds / unit[1]), unit[0]) : "just now";
}

function since(element) {
  const seconds = Math.max(0, Math.floor(Date.now() / 1000 - element.dataset.since));
  const minutes = Math.floor(seconds / 60);
  element.textContent = `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
}

function until(element) {
  const seconds = Math.max(0, Math.floor(element.dataset.until - Date.now() / 1000));
  const minutes = Math.floor(seconds / 60);
  element.textContent =
    `The code is good for ${minutes}:${String(seconds % 60).padStart(2, "0")} more`;
}

function tick() {
  document.querySelectorAll("[data-until]").forEach(until);
  document.querySelectorAll("[data-since]").forEach(since);
  document.querySelectorAll("[data-ago]").forEach(ago);
}

// ------------------------------------------------------------------------------- hands

function dress(root) {
  root.querySelectorAll("[data-copy]").forEach((button) => {
    button.hidden = !navigator.clipboard;
  });
  root.querySelectorAll(".face img").forEach((image) => {
    const bare = () => image.remove();   // the letter beneath shows
    if (image.complete && image.naturalWidth === 0 && image.loading !== "lazy") bare();
    image.addEventListener("error", bare);
  });
  tick();
}

document.addEventListener("click", async (event) => {
  const insert = event.target.closest("[data-insert]");
  if (insert) {
    const box = byId("prompt");
    box.focus();
    box.setRangeText(insert.dataset.insert, box.selectionStart, box.selectionEnd, "end");
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    await navigator.clipboard.writeText(copy.dataset.copy);
    copy.textContent = "Copied";
  }
});

// The server does a form's work once in any case; this shows that it is being done.
document.addEventListener("submit", (event) => {
  const button = event.target.querySelector("button:not([type=button])");
  if (!button) return;
  if (button.getAttribute("aria-disabled") === "true") return event.preventDefault();
  button.setAttribute("aria-disabled", "true");
  button.classList.add("working");
});

// Back from the browser's memory, a page holds the token of a form that was sent.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

dress(document);
setInterval(tick, 1000);
const fault = document.querySelector("[aria-invalid]");
if (fault) fault.focus();
if (document.body.dataset.events) listen(document.body.dataset.events);
