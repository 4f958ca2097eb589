// Times in the reader's zone, and pages that follow what happens without being loaded again.
"use strict";

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const complete = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

function ago(date) {
  const seconds = Math.max(0, (Date.now() - date) / 1000);
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

let tag = null;
let answered = new Date();

function replace(page) {
  const old = document.getElementById("main");
  const fresh = document.adoptNode(page.getElementById("main"));
  for (const details of old.querySelectorAll("details[id]")) {
    const same = fresh.querySelector("#" + CSS.escape(details.id));
    if (same) same.open = details.open;
  }
  const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
  old.replaceWith(fresh);
  if (focused) fresh.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  document.title = page.title;
}

async function ask() {
  const headers = { Accept: "text/html" };
  if (tag) headers["If-None-Match"] = tag;
  const answer = await fetch(location.href, { headers, cache: "no-store", credentials: "same-origin" });
  if (answer.redirected) {
    location.reload();
    return;
  }
  if (answer.status !== 200 && answer.status !== 304) throw new Error(String(answer.status));
  if (answer.status === 200) {
    tag = answer.headers.get("ETag");
    replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
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
