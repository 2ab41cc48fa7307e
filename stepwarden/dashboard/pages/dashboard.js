// Keeps the page as the server has it: follows one stream, fetches the blocks that changed, and leaves alone what a
// person is at (focus, text that is half typed, details that are open). Without it every page and form works all the same.
const page = document.body;
const streamPath = page.dataset.stream;
const live = document.getElementById("live");
const POLL_MS = 5000;
const GATHER_MS = 200;
let held = false;
let follows = false;
let source = null;
let pending = 0;
let asking = null;
let again = false;

const blocks = () => [...document.querySelectorAll("[data-block]")];
const told = (text) => { if (live) { live.textContent = text; live.hidden = !text; } };

function keeps(element) {
  return element === document.activeElement || (element.defaultValue !== undefined && element.value !== element.defaultValue);
}

function morphAttributes(before, after) {
  for (const { name } of [...before.attributes]) {
    if (!after.hasAttribute(name) && !(name === "open" && before.localName === "details")) before.removeAttribute(name);
  }
  for (const { name, value } of after.attributes) {
    if (name === "open" && before.localName === "details") continue;
    if (before.getAttribute(name) !== value) before.setAttribute(name, value);
  }
}

function same(one, other) {
  if (one.nodeType !== other.nodeType || one.nodeName !== other.nodeName) return false;
  return one.nodeType !== Node.ELEMENT_NODE || one.id === other.id;
}

function morph(before, after) {
  if (before.nodeType === Node.TEXT_NODE) {
    if (before.data !== after.data) before.data = after.data;
    return;
  }
  if (before.nodeType !== Node.ELEMENT_NODE) return;
  if (before.matches("textarea, input:not([type=hidden]), select") && keeps(before)) return;
  morphAttributes(before, after);
  const known = new Map([...before.children].filter((child) => child.id).map((child) => [child.id, child]));
  let place = before.firstChild;
  for (const wanted of [...after.childNodes]) {
    while (wanted.nodeType === Node.ELEMENT_NODE && place && place.nodeType !== Node.ELEMENT_NODE) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
    const named = wanted.id ? known.get(wanted.id) : null;
    if (named && named !== place && same(named, wanted)) before.insertBefore(named, place);
    const found = named && same(named, wanted) ? named : place && same(place, wanted) && !(place.id && !wanted.id) ? place : null;
    if (found) {
      morph(found, wanted);
      place = found.nextSibling;
    } else {
      before.insertBefore(wanted, place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function show(state) {
  if (state.said !== undefined) say(state.said, !state.ok);
  const template = document.createElement("template");
  for (const [id, html] of Object.entries(state.blocks)) {
    const before = document.getElementById(id);
    template.innerHTML = html;
    const after = template.content.firstElementChild;
    if (before && after) morph(before, after);
  }
  if (state.title) document.title = state.title;
  if (state.cursor !== undefined) page.dataset.cursor = state.cursor;
  tick();
  if (follows) blocks().at(-1)?.scrollIntoView({ block: "end" });
}

function say(text, isBad) {
  let place = document.getElementById("said");
  if (!place) {
    place = document.createElement("p");
    place.id = "said";
    place.setAttribute("role", "alert");
    blocks()[0]?.before(place);
  }
  place.className = isBad ? "notice bad" : "notice";
  place.textContent = text;
  place.hidden = !text;
}

const headers = () => ({
  Accept: "application/json",
  "X-Blocks": blocks().map((block) => `${block.id}=${block.dataset.block}`).join(","),
});

async function refresh() {
  if (asking) { again = true; return asking; }
  asking = (async () => {
    try {
      do {
        again = false;
        const answer = await fetch(location.href, { headers: headers(), cache: "no-store" });
        if (answer.status === 401) { location.reload(); return; }
        if (answer.ok) { show(await answer.json()); told(held ? "Updates are held" : ""); } else told("The server answers with an error");
      } while (again);
    } catch {
      told("No connection; trying again");
    } finally {
      asking = null;
    }
  })();
  return asking;
}

function soon() {
  if (held || pending) return;
  pending = setTimeout(() => { pending = 0; refresh(); }, GATHER_MS);
}

function open() {
  if (!streamPath || source || document.hidden) return;
  if (!window.EventSource) { setInterval(() => document.hidden || soon(), POLL_MS); return; }
  source = new EventSource(`${streamPath}${streamPath.includes("?") ? "&" : "?"}after=${page.dataset.cursor}`);
  source.onmessage = soon;
  source.onopen = () => { if (!held) told(""); };
  source.onerror = () => {
    told("No connection; trying again");
    if (source.readyState === EventSource.CLOSED) {
      close();
      setTimeout(() => { refresh().then(open); }, POLL_MS);
    }
  };
}

function close() {
  source?.close();
  source = null;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) { close(); return; }
  if (streamPath) refresh().then(open);
});
addEventListener("pagehide", close);

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.action.endsWith("/commands")) return;
  event.preventDefault();
  const button = event.submitter;
  if (form.dataset.command === "stop" && !confirm("Stop this run? What it has done stays, and it can be extended later.")) return;
  const sent = new URLSearchParams(new FormData(form, button));
  for (const each of form.querySelectorAll("button")) each.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: sent, headers: headers() });
    if (answer.status === 401) { location.reload(); return; }
    const state = await answer.json();
    if (state.ok) form.reset();
    show(state);
  } catch {
    say("Nothing was sent: there is no connection. What you typed is still here; try again.", true);
  } finally {
    for (const each of form.querySelectorAll("button")) each.disabled = false;
  }
});

function ago(seconds) {
  const past = Math.max(0, seconds);
  if (past < 60) return past < 5 ? "just now" : `${Math.floor(past / 5) * 5} s ago`;
  if (past < 3600) return `${Math.floor(past / 60)} min ago`;
  if (past < 86400) return `${Math.floor(past / 3600)} h ago`;
  return `${Math.floor(past / 86400)} d ago`;
}

function tick() {
  for (const place of document.querySelectorAll("time[datetime]")) {
    const text = ago((Date.now() - Date.parse(place.dateTime)) / 1000);
    if (place.textContent !== text) place.textContent = text;
    if (!place.title.includes("here")) place.title = `${place.title}, ${new Date(place.dateTime).toLocaleString()} here`;
  }
}
setInterval(() => document.hidden || tick(), 5000);

const rows = () => [...document.querySelectorAll("[data-row] .row-link")];
function move(by) {
  const all = rows();
  const at = all.indexOf(document.activeElement);
  all[Math.min(all.length - 1, Math.max(0, at + by))]?.focus();
}
const press = (selector) => document.querySelector(selector)?.click();
const KEYS = {
  j: ["next row", () => move(1)],
  k: ["row before", () => move(-1)],
  a: ["allow the first call that waits", () => press("[data-key=a]")],
  r: ["refuse it: write why", () => document.querySelector("[data-decision] textarea")?.focus()],
  p: ["pause or resume", () => press("[data-command=pause] button, [data-command=resume] button")],
  s: ["stop", () => press("[data-command=stop] button")],
  f: ["follow the end of the page", () => { follows = !follows; told(follows ? "Following" : ""); }],
  h: ["hold updates", () => { held = !held; told(held ? "Updates are held" : ""); if (!held) refresh(); }],
  "/": ["search", () => document.getElementById("search")?.focus()],
  "?": ["this help", help],
};

function help() {
  let dialog = document.querySelector("dialog");
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.setAttribute("aria-label", "Keys");
    const list = document.createElement("dl");
    list.className = "facts";
    for (const [key, [does]] of Object.entries(KEYS)) {
      const pair = document.createElement("div");
      const name = document.createElement("dt");
      const shown = document.createElement("kbd");
      shown.textContent = key;
      name.append(shown);
      const meaning = document.createElement("dd");
      meaning.textContent = does;
      pair.append(name, meaning);
      list.append(pair);
    }
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = localStorage.getItem("keys") !== "off";
    box.addEventListener("change", () => localStorage.setItem("keys", box.checked ? "on" : "off"));
    label.append(box, " Single keys are on");
    const form = document.createElement("form");
    form.method = "dialog";
    const done = document.createElement("button");
    done.textContent = "Close";
    form.append(done);
    dialog.append(list, label, form);
    page.append(dialog);
  }
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
  const isOff = localStorage.getItem("keys") === "off" && event.key !== "?";
  const found = isOff ? undefined : KEYS[event.key];
  if (!found) return;
  event.preventDefault();
  found[1]();
});

tick();
open();
