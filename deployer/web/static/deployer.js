// Times in the reader's zone, and pages that follow what happens without being loaded again.
"use strict";

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const complete = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

// How far the reader's clock is ahead of deployer's, in milliseconds; a few seconds count as none.
let ahead = 0;

function setClock(said) {
  const off = Date.now() - Date.parse(said);
  ahead = Math.abs(off) > 5000 ? off : 0;
}

function ago(date) {
  const seconds = Math.max(0, (Date.now() - ahead - date) / 1000);
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) || UNITS[3];
  return seconds < 1 ? "just now" : relative.format(-Math.floor(seconds / size), unit);
}

function write(time) {
  const date = new Date(time.dateTime);
  if (Number.isNaN(date.getTime())) return;
  const text = "ago" in time.dataset ? ago(date) : absolute.format(date);
  if (time.textContent !== text) time.textContent = text;
  time.title = complete.format(date);
}

function writeTimes() {
  document.querySelectorAll("time[datetime]").forEach(write);
}

function show(id, at) {
  const line = document.getElementById(id);
  if (!at) {
    line.hidden = true;
    return;
  }
  const time = line.querySelector("time");
  // A clock of the server that runs ahead must not make the line speak of the future.
  time.dateTime = at;
  write(time);
  line.hidden = false;
}

const PATIENCE = 15000;
let tag = null;
let answered = new Date();

function alike(one, other) {
  return one.nodeName === other.nodeName && one.id === other.id;
}

// Changes only what differs: the focus, selected text and scrolled logs stay where they are.
function update(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = fresh.data;
    return;
  }
  // Whether details are open is the reader's choice.
  const names = new Set([...old.getAttributeNames(), ...fresh.getAttributeNames()]);
  names.delete("open");
  for (const name of names) {
    if (fresh.hasAttribute(name)) old.setAttribute(name, fresh.getAttribute(name));
    else old.removeAttribute(name);
  }
  let next = old.firstChild;
  for (const node of [...fresh.childNodes]) {
    let found = next;
    while (found && !alike(found, node)) found = node.id ? found.nextSibling : null;
    if (!found) {
      old.insertBefore(node, next);
      continue;
    }
    next = removeUntil(next, found).nextSibling;
    update(found, node);
  }
  removeUntil(next, null);
}

function removeUntil(node, end) {
  while (node !== end) {
    const gone = node;
    node = node.nextSibling;
    gone.remove();
  }
  return end;
}

function replace(page) {
  const fresh = document.adoptNode(page.getElementById("main"));
  fresh.querySelectorAll("time[datetime]").forEach(write);
  update(document.getElementById("main"), fresh);
  document.title = page.title;
}

async function ask() {
  const headers = { Accept: "text/html" };
  if (tag) headers["If-None-Match"] = tag;
  // A connection that went away without a word would never answer.
  const signal = AbortSignal.timeout(PATIENCE);
  const answer = await fetch(location.href, { headers, signal, cache: "no-store", credentials: "same-origin" });
  if (answer.redirected) {
    location.reload();
    return;
  }
  if (answer.status !== 200 && answer.status !== 304) throw new Error(String(answer.status));
  setClock(answer.headers.get("Date"));
  if (answer.status === 200) {
    replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
    // Only now: what broke off halfway has to be sent again.
    tag = answer.headers.get("ETag");
  }
  answered = new Date();
  show("seen", answer.headers.get("Deployer-Seen-At"));
  show("away", null);
}

function seconds() {
  return Number(document.getElementById("main").dataset.poll);
}

async function follow() {
  let failures = 0;
  for (;;) {
    const pause = Math.min(seconds() * 2 ** failures, 30) * 1000;
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (document.hidden) {
      await new Promise((resolve) =>
        document.addEventListener("visibilitychange", resolve, { once: true }));
    }
    try {
      await ask();
      failures = 0;
    } catch {
      failures += 1;
      show("away", answered.toISOString());
    }
    writeTimes();
  }
}

const seen = document.querySelector("#seen time");
if (seen?.dateTime) show("seen", seen.dateTime);
writeTimes();
setInterval(writeTimes, 1000);
if (seconds() > 0) follow();
